"""The admission webhook: puts the sidecar into pods that ask for it, and lets none of them start without."""
