"""`o2sidecar init`: the folder with what all apps of a domain share in the cluster."""
