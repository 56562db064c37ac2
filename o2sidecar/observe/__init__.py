"""What is written down: access, authentication and standard log records."""
