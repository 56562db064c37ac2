"""twisted.web at both ends: its requests as exchanges, and its resources behind our own channel."""
