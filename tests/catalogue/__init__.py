"""The catalogue of hostile input, on the whole sidecar in memory: its rules one by one, and mutations of messages."""
