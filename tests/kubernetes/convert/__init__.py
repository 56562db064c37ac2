"""Tests of `o2sidecar convert`."""
