"""An authentication sidecar: signs people in, and passes their requests on with a proven identity."""

__version__ = "0.1.0"
