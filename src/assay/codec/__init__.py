"""Records as plain data, and plain data as text: what the journal and the outbox have in common."""
