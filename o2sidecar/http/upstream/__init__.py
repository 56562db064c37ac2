"""The apps' side: connections that requests go out on, and what stands in the place of an app."""
