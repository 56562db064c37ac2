"""Tests of `o2sidecar migrate`."""
