"""A fresh sign-in for some pages, with npm's certified OpenID provider and real processes."""

from __future__ import annotations

import json
import time
from urllib.parse import parse_qs, urlsplit

from tests.end_to_end.certified_case import CertifiedCase


class ReauthenticationTests(CertifiedCase):
    """What the provider is asked, and what comes of it."""

    def setUp(self) -> None:
        """A provider, a sidecar with such routes, and somebody who signed in at the provider a while ago."""
        super().setUp()
        self.start_provider()
        routes = ("^/admin max_age=1m", "^/vault max_age=1m acr=urn:mfa")
        self.start_sidecar(*(f"--reauth-route={route}" for route in routes), SKIP_PROVIDER_BUTTON="true")
        self.at_provider = self.visitor.jar(f"http://127.0.0.1:{self.provider_port}/")
        self.signed_in(ago=100)
        self.assertEqual(self.sign_in("/").status, 200)

    def signed_in(self, *, ago: int) -> None:
        """Let whoever signs in at the provider from now on have done so then."""
        self.at_provider["ts"] = str(int(time.time()) - ago)

    def test_fresh(self) -> None:
        """The provider signs the person in anew although it knows them, and the page comes."""
        refused = self.visitor.get(f"{self.base}/admin")
        self.assertEqual((refused.status, refused.header("location")), (401, None))
        script = self.visitor.get(f"{self.base}/admin", {"Accept": "application/json"})
        self.assertEqual(json.loads(script.body)["max_age"], "60")
        begun = self.visitor.get(f"{self.base}/oauth2/start?rd=/admin").header("location") or ""
        self.assertEqual(parse_qs(urlsplit(begun).query)["max_age"], ["60"])
        del self.at_provider["ts"]
        self.assertEqual(self.seen(self.visitor.follow(begun))["path"], "/admin")
        self.assertEqual(self.seen(self.visitor.get(f"{self.base}/admin/again"))["path"], "/admin/again")

    def test_provider_does_not(self) -> None:
        """A provider that does not sign the person in anew leads to a page that says so, and the session stays."""
        answer = self.visitor.follow(f"{self.base}/oauth2/start?rd=/admin")
        self.assertEqual(answer.status, 403)
        self.assertIn("did not ask you to sign in again", answer.text)
        self.assertEqual(self.seen(self.visitor.get(f"{self.base}/"))["path"], "/")
        self.assertEqual(self.visitor.get(f"{self.base}/admin").status, 401)

    def test_class(self) -> None:
        """A sign-in of the class that is asked for opens the page; another one does not."""
        del self.at_provider["ts"]
        self.at_provider["acr"] = "urn:pwd"
        self.assertIn("another kind of sign-in", self.visitor.follow(f"{self.base}/oauth2/start?rd=/vault").text)
        self.at_provider.pop("_session", None)
        self.at_provider.pop("_session.sig", None)
        self.at_provider["acr"] = "urn:mfa"
        self.assertEqual(self.seen(self.visitor.follow(f"{self.base}/oauth2/start?rd=/vault"))["path"], "/vault")
