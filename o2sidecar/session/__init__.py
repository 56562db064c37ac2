"""Sessions: their value, the cookie that carries them, and the keys that seal it."""
