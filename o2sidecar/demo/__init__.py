"""The demo: an embedded provider and two small apps on loopback."""
