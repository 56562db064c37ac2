"""Tests of `o2sidecar check`."""
