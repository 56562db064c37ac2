"""Where sessions are kept when they are not in cookies: Redis, spoken to by a small client of our own."""
