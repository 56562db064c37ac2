"""The own endpoints' paths below the prefix."""

PATHS = ("/start", "/callback", "/sign_in", "/sign_out", "/auth", "/userinfo", "/session", "/renewed")
"""The endpoints, to be mounted by their exact path."""

FOLDER = "/static/"
"""The one folder of endpoints."""
