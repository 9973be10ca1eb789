"""The problems and the promises of the driver, at the judged seeds."""
