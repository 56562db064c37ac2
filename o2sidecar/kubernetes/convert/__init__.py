"""`o2sidecar convert`: pods and files of oauth2-proxy as those of o2sidecar."""
