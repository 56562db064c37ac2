"""Tests of what an injection decides."""
