"""Tests of the room o2sidecar/http/listener."""
