"""Tests of `o2sidecar init`."""
