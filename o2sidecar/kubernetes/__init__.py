"""Manifests: text in, text out. Injects the sidecar, takes it out again, and judges what is there."""
