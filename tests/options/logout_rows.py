"""The options of how sessions end."""

from __future__ import annotations

from collections.abc import Mapping

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.revocations import RevocationKeys
from tests.catalogue.whole import NOW
from tests.options.row import BASE, Row, row
from tests.options.world import ADDRESS, OTHER_ISSUER, World

LIST = f"http://127.0.0.1:{OTHER_ISSUER}/list"
EVERYBODY = RevocationKeys(KeyRing.from_texts([BASE["cookie_secret"]])).revocation("all", [], NOW + 10).line


def _signing_out(world: World) -> tuple[str, bool]:
    """Where signing out leads, and whether the provider was asked to take tokens back."""
    world.provider.discovery |= {"end_session_endpoint": f"{ADDRESS}/out", "revocation_endpoint": f"{ADDRESS}/revoke"}
    world.pass_time(1)
    world.sign_in()
    [location] = world.get("/oauth2/sign_out").values(b"location")
    return location.decode().partition("?")[0], "/revoke" in world.provider.paths()


def _listed(world: World) -> int:
    """What somebody gets who is on the list."""
    world.other.instead["/list"] = lambda request: EVERYBODY
    world.sign_in()
    world.pass_time(10)
    return world.get("/").status


def _until_looked(world: World) -> int | None:
    """Seconds until somebody is refused who is on the list since just now."""
    world.other.instead["/list"] = lambda request: b""
    world.sign_in()
    world.other.instead["/list"] = lambda request: EVERYBODY
    return world.seconds_until(lambda: world.get("/").status != 200)


def _without_list(world: World) -> int:
    world.sign_in()
    return world.get("/").status


OFTEN = {"discovery_refresh_interval": "1s"}
ROWS: Mapping[str, Row] = {
    "provider_logout": row(_signing_out, "true", ("/", False), (f"{ADDRESS}/out", False), **OFTEN),
    "revoke_tokens": row(_signing_out, "true", ("/", False), ("/", True), **OFTEN),
    "revocation_list": row(_listed, LIST, 200, 403),
    "revocation_poll_interval": row(_until_looked, "60s", 10, 60, revocation_list=LIST),
    "revocation_unavailable": row(_without_list, "reject", 200, 503, revocation_list=f"{LIST}/missing"),
}
