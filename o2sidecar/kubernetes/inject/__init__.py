"""What an injection changes in which object: decisions on plain data, without text and without a cluster."""

from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.plan import Plan, inject
from o2sidecar.kubernetes.inject.subject import Subject

__all__ = ["InjectOptions", "Plan", "Subject", "inject"]
