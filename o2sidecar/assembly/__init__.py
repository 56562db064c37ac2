"""Builds the sidecar from its settings. Nothing else sees `Settings` whole; what is built gets narrow keywords."""

from o2sidecar.assembly.guarded import Guarded
from o2sidecar.assembly.sidecar import guard_resource, make_sidecar

__all__ = ["Guarded", "guard_resource", "make_sidecar"]
