"""A fleet in the middle of its move: pods of o2sidecar and of oauth2-proxy behind one load balancer.

oauth2-proxy's pods are played by what they say: cookies of its form, written and read by the independent codec that was
held against recordings of it. Where O2SIDECAR_PEER names a program of oauth2-proxy, half the fleet is that program.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import time
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from tests.end_to_end.certified_case import COOKIE_SECRET, CertifiedCase
from tests.end_to_end.processes import clean_environment, free_port
from tests.end_to_end.visitor import Visitor
from tests.session.vectors import other_codec

PEER = os.environ.get("O2SIDECAR_PEER", "")
SESSION, PENDING = "_oauth2_proxy", "_oauth2_proxy_csrf"
HAPROXY = """
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
frontend door
    bind 127.0.0.1:{port}
    default_backend pods
backend pods
    balance roundrobin
{servers}
"""
STRICT = {"CODE_CHALLENGE_METHOD": "S256", "INSECURE_OIDC_SKIP_NONCE": "false"}


class FleetCase(CertifiedCase):
    """Four pods, asked in turn; every second one may be the other program."""

    def start_fleet(self, *flags: str, **more: str) -> None:
        """The pods with the provider and a load balancer. `flags`: what only our pods are told."""
        self.start_provider()
        ports = [free_port() for _ in range(4)]
        for number, port in enumerate(ports):
            settings = self.settings(port) | STRICT | more
            if PEER and number % 2:
                variables = {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
                pod = self.run_process([PEER], clean_environment(variables))
            else:
                pod = self.run_sidecar(settings, *flags)
            pod.await_listening(port)
        program = shutil.which("haproxy") or "/usr/sbin/haproxy"
        self.assertTrue(Path(program).exists(), "haproxy is missing: install Debian's haproxy")
        configuration = Path(self.mktemp()).resolve()
        servers = "\n".join(f"    server pod{port} 127.0.0.1:{port}" for port in ports)
        configuration.write_text(HAPROXY.format(port=self.port, servers=servers))
        self.run_process([program, "-db", "-f", str(configuration)]).await_listening(self.port)

    def assert_known(self, email: str) -> None:
        """Every pod knows the visitor."""
        for number in range(8):
            found = self.seen(self.visitor.get(f"{self.base}/{number}"))
            self.assertEqual((found["path"], found["headers"]["x-forwarded-email"]), (f"/{number}", email))

    def assert_unknown(self) -> None:
        """No pod does."""
        for _ in range(4):
            self.assertEqual(self.visitor.get(f"{self.base}/oauth2/auth").status, 401)


class FleetTests(FleetCase):
    """Sessions in cookies: nobody notices which of the two answers."""

    def setUp(self) -> None:
        """A fleet, and what oauth2-proxy's pods would write and read."""
        super().setUp()
        self.codec = other_codec()
        self.start_fleet()

    def test_sign_in(self) -> None:
        """A sign-in that begins at one pod, is completed at the next and goes on at a third ends where it should."""
        for number in range(6):
            self.visitor = Visitor()
            found = self.seen(self.sign_in(f"/wanted/{number}"))
            self.assertEqual(found["path"], f"/wanted/{number}")
            self.assert_known("ada@example.com")

    def test_session_for_the_peer(self) -> None:
        """The session that such a sign-in leaves can be read as oauth2-proxy reads it."""
        self.sign_in()
        cookies = {name: value for name, value in self.visitor.jar(self.base).items() if name.startswith(SESSION)}
        found = self.codec.decode_session(COOKIE_SECRET, *self.codec.join_cookie(SESSION, cookies))
        self.assertEqual((found["email"], found["user"]), ("ada@example.com", "ada"))
        self.assertEqual(found["groups"], ["team", "engineers"])
        self.assertLess(abs(found["_timestamp"] - time.time()), 60)

    def test_session_of_the_peer(self) -> None:
        """A session that oauth2-proxy wrote counts at every pod."""
        session = {"created_at": time.time(), "email": "eve@example.com", "user": "eve", "groups": ["team"]}
        self.visitor.jar(self.base)[SESSION] = self.codec.encode_session(COOKIE_SECRET, SESSION, session)
        self.assert_known("eve@example.com")

    def test_large_session_of_the_peer(self) -> None:
        """So does one that it had to split into several cookies."""
        groups = [hashlib.sha256(str(number).encode()).hexdigest() for number in range(120)]
        session = {"created_at": time.time(), "email": "eve@example.com", "user": "eve", "groups": groups}
        whole = self.codec.encode_session(COOKIE_SECRET, SESSION, session)
        parts = self.codec.split_cookie(SESSION, whole, "; Path=/; HttpOnly")
        self.assertGreater(len(parts), 1)
        self.visitor.jar(self.base).update(parts)
        self.assert_known("eve@example.com")

    def test_login_begun_at_the_peer(self) -> None:
        """A login that oauth2-proxy began is completed by whichever pod the browser comes back to."""
        for _ in range(4):
            self.visitor = Visitor()
            state, nonce, verifier = os.urandom(32), os.urandom(32), base64.urlsafe_b64encode(os.urandom(72)).decode()
            value = self.codec.encode_csrf(COOKIE_SECRET, PENDING, state, nonce, verifier)
            self.visitor.jar(self.base)[PENDING] = value
            query = {
                "client_id": "sidecar",
                "redirect_uri": f"{self.base}/oauth2/callback",
                "response_type": "code",
                "scope": "openid email profile groups",
                "state": f"{self.codec.nonce_hash(state)}:/begun/there",
                "nonce": self.codec.nonce_hash(nonce),
                "code_challenge": challenge(verifier),
                "code_challenge_method": "S256",
            }
            self.visitor.jar(f"http://127.0.0.1:{self.provider_port}/")["account"] = "ada"
            answer = self.visitor.follow(f"http://127.0.0.1:{self.provider_port}/auth?{urlencode(query)}")
            self.assertEqual(self.seen(answer)["path"], "/begun/there")

    def test_login_for_the_peer(self) -> None:
        """What a pod leaves of a login that it begins is what oauth2-proxy needs to complete it."""
        for _ in range(2):
            self.visitor = Visitor()
            begun = self.visitor.get(f"{self.base}/oauth2/start?rd=/wanted")
            query = parse_qs(urlsplit(begun.header("location") or "").query)
            value = self.visitor.jar(self.base)[PENDING]
            left = self.codec.decode_csrf(COOKIE_SECRET, PENDING, value)
            state_hash, _, redirect = query["state"][0].partition(":")
            self.assertEqual((state_hash, unquote(redirect)), (self.codec.nonce_hash(left["oauth_state"]), "/wanted"))
            self.assertEqual(query["nonce"], [self.codec.nonce_hash(left["oidc_nonce"])])
            self.assertEqual(query["code_challenge"], [challenge(left["code_verifier"])])

    def test_signing_out(self) -> None:
        """Whoever signs out at one pod has no session at any."""
        self.sign_in()
        self.visitor.get(f"{self.base}/oauth2/sign_out")
        self.assert_unknown()


class RedisFleetTests(FleetCase):
    """Sessions in Redis."""

    def setUp(self) -> None:
        """A fleet that shares a Redis."""
        super().setUp()
        port = free_port()
        redis = self.run_process(["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", ""])
        redis.await_listening(port)
        self.start_fleet(
            "--redis-trust-time=0s", SESSION_STORE_TYPE="redis", REDIS_CONNECTION_URL=f"redis://127.0.0.1:{port}"
        )

    def test_sign_in(self) -> None:
        """A sign-in at whichever pods leaves a ticket that every pod knows."""
        for number in range(4):
            self.visitor = Visitor()
            found = self.seen(self.sign_in(f"/wanted/{number}"))
            self.assertEqual(found["path"], f"/wanted/{number}")
            self.assertLess(len(self.visitor.jar(self.base)[SESSION]), 400)
            self.assert_known("ada@example.com")

    def test_signing_out(self) -> None:
        """Whoever signs out at one pod has ended the session at every one, also of a copied cookie."""
        for number in range(4):
            self.visitor = Visitor()
            self.sign_in()
            for _ in range(number):
                self.visitor.get(f"{self.base}/")
            copied = dict(self.visitor.jar(self.base))
            self.visitor.get(f"{self.base}/oauth2/sign_out")
            self.visitor.jar(self.base).update(copied)
            self.assert_unknown()


def challenge(verifier: str) -> str:
    """RFC 7636 §4.2."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
