"""Tests of the room o2sidecar/http/twisted_web."""
