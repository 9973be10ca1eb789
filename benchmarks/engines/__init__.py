"""One whole suggestion by each engine, on plain arrays, for timing."""
