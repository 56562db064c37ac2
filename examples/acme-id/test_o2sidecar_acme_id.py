"""Tests for `o2sidecar_acme_id`, against an Acme ID that speaks real HTTP in memory; nothing of o2sidecar is replaced.

python -m unittest test_o2sidecar_acme_id
"""

from __future__ import annotations

import json
import unittest

import o2sidecar_acme_id
from treq.testing import RequestTraversalAgent
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import Request

from o2sidecar.provider_client import ProviderClient
from o2sidecar.providers.surroundings import Surroundings
from o2sidecar.refusals import NotPermitted
from o2sidecar.session.session import Session


class AcmeId(Resource):
    """The token endpoint and the profile, for one person."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.profile = {"id": "E-17", "login": "alice", "email": "alice@acme.example", "email_confirmed": True}

    def render(self, request: Request) -> bytes:
        """Answer one request."""
        request.setHeader("Content-Type", "application/json")
        if request.path == b"/oauth2/token":
            return json.dumps({"access_token": "AT-1", "token_type": "Bearer", "expires_in": 300}).encode()
        if request.getHeader("Authorization") != "Bearer AT-1":
            request.setResponseCode(401)
        return json.dumps(self.profile).encode()


class AcmeIdTests(unittest.TestCase):
    """People sign in, or do not."""

    def setUp(self) -> None:
        self.acme = AcmeId()
        self.agent = RequestTraversalAgent(self.acme)

    def sign_in(self, *departments: str) -> Session:
        """The session of somebody who comes back with a code; raises what ends the sign-in."""
        clock = Clock()
        surroundings = Surroundings(client=ProviderClient(agent=self.agent, clock=clock), clock=clock)
        options = o2sidecar_acme_id.Options(client_id="app", client_secret="s", acme_departments=departments)
        provider = o2sidecar_acme_id.build(options, surroundings)
        asked = provider.sign_in(code="C-1", redirect_uri="https://app.example/cb", code_verifier=None, nonce=None)
        outcome: list[object] = []
        Deferred.fromCoroutine(asked).addBoth(outcome.append)
        for _ in range(10):
            self.agent.flush()
        [found] = outcome
        if isinstance(found, Session):
            return found
        raise found.value  # type: ignore[attr-defined]

    def test_allow(self) -> None:
        """The profile says who it is."""
        self.acme.profile["department"] = "Engineering"
        for departments in ((), ("Research", "Engineering")):
            session = self.sign_in(*departments)
            self.assertEqual((session.user, session.email), ("E-17", "alice@acme.example"))

    def test_deny(self) -> None:
        """Who is of another department, of none, or of what is no name, does not pass."""
        for department in ("Sales", None, ["Engineering"], {"Engineering": True}):
            self.acme.profile["department"] = department
            with self.assertRaises(NotPermitted):
                self.sign_in("Engineering")


if __name__ == "__main__":
    unittest.main()
