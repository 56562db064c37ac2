"""Tests that groups which a provider's own options name decide about every request."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SessionCookie
from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session
from tests.assembly.in_memory import InMemory
from tests.provider_apis import service_account_json
from tests.settings.loading import GOOD

HOST = "app.example.com"


def cookie_of(sidecar: InMemory, *groups: str) -> bytes:
    """A Cookie field with a session of these groups, as any pod of the fleet would have made it."""
    ring = KeyRing.from_texts([GOOD["OAUTH2_PROXY_COOKIE_SECRET"]])
    cookie = SessionCookie(
        attributes=CookieAttributes(name="_oauth2_proxy"), codec=SessionCodec(ring=ring, expire=0), minimal=False
    )
    session = Session(user="u", email="alice@example.com", groups=groups)
    fields = cookie.write(session, HOST, [], sidecar.reactor.seconds())
    return b"Cookie: " + b"; ".join(field.partition(b";")[0] for field in fields)


class RestrictionTests(SynchronousTestCase):
    """A1: a session without any of the groups may not pass, wherever it came from."""

    def test_groups_of_options(self) -> None:
        """Roles, groups and projects of a provider's options are asked of every session, beside `allowed_groups`."""
        google = ("--google-admin-email=r@x.org", "--google-service-account-json=k")
        for group, arguments in (
            ("staff@x.org", ("--provider=google", "--google-group=staff@x.org", *google)),
            ("acme/core", ("--provider=gitlab", "--gitlab-group=acme/core")),
            ("project:acme/app", ("--provider=gitlab", "--gitlab-project=acme/app=30")),
            ("role:app:editor", ("--provider=keycloak-oidc", "--allowed-role=app:editor")),
            ("/staff", ("--provider=keycloak-oidc", "--keycloak-group=/staff")),
        ):
            key = self.mktemp()
            with open(key, "wb") as file:
                file.write(service_account_json())
            given = [
                argument.replace("=k", f"={key}") if argument.endswith("=k") else argument for argument in arguments
            ]
            sidecar = InMemory(
                *given, "--allowed-group=also", variables={"SKIP_AUTH_ROUTES": ""}, files={key: service_account_json()}
            )
            for groups, status in (((group,), b"202"), (("also",), b"202"), (("other",), b"401"), ((), b"401")):
                answer = sidecar.ask(b"/oauth2/auth", cookie_of(sidecar, *groups))
                self.assertIn(b"HTTP/1.1 " + status, answer, (group, groups))
