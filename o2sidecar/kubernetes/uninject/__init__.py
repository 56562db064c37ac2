"""The way back from an injection: what it changed, as it was, around what people edited since."""

from o2sidecar.kubernetes.uninject.plan import uninject

__all__ = ["uninject"]
