"""Questions to a running site, which change nothing there."""
