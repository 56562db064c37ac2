"""Tests that no option is inert."""
