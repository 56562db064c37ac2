"""Signing in and out: the login transaction, the Klein routes of the proxy prefix, and the pages."""
