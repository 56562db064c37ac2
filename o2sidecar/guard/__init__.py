"""The guard: finds who a request comes from, decides whether it may pass, and hands it on or refuses it."""

from o2sidecar.guard.auth_only import AuthOnly
from o2sidecar.guard.current import CurrentSession
from o2sidecar.guard.https_only import HttpsOnly
from o2sidecar.guard.known_hosts import KnownHosts
from o2sidecar.guard.passes import Passes
from o2sidecar.guard.session_guard import SessionGuard
from o2sidecar.guard.sessions import Sessions

__all__ = ["AuthOnly", "CurrentSession", "HttpsOnly", "KnownHosts", "Passes", "SessionGuard", "Sessions"]
