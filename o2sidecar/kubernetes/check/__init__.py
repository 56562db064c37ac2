"""Rules about manifests and configuration: what opens a bypass, breaks a sign-in or cannot be applied."""
