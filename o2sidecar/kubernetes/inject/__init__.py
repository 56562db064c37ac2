"""What an injection changes in which object, decided on plain data; `rewriting` and `transforming` bring it to text."""

from o2sidecar.kubernetes.inject.options import InjectOptions
from o2sidecar.kubernetes.inject.plan import Plan, inject
from o2sidecar.kubernetes.inject.subject import Subject

__all__ = ["InjectOptions", "Plan", "Subject", "inject"]
