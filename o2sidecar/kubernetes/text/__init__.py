"""YAML and JSON as text with places: read as Kubernetes reads them, changed without touching what stays."""

from o2sidecar.kubernetes.text.stream import Document, Stream

__all__ = ["Document", "Stream"]
