"""What is written down: access, authentication and standard log records; and what is counted."""
