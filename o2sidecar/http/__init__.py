"""The wire: HTTP/1.1 on both sides, streamed, bounded and strict."""
