"""Settings: one declarative table of options; flags, environment and file are read against it."""
