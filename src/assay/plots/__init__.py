"""Pictures of a study, on matplotlib and plotly; the optional dependency is kept here."""
