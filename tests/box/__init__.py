"""A pod in a box: rendered manifests run as a cluster would run them, with the kernel's namespaces and no cluster."""
