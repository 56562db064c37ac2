"""The provider that the OpenID Foundation's conformance suite plays for relying parties, module by module, in memory.

What each module changes was read in the suite (`net.openid.conformance.openid.client`); the rest is what its default
provider is: every algorithm offered, several keys of each kind, one on a curve that few know, and two for encryption.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from attrs import field, frozen
from joserfc.jwk import Key

from o2sidecar.settings.load import load
from o2sidecar.settings.table import BY_KEY
from tests.catalogue.strict import Message
from tests.fakes import CLIENT_ID, CLIENT_SECRET, FakeProvider, answering, compact, public_jwk, signing_key
from tests.options.world import ADDRESS, World, parameters_of

SUBJECT = "user-subject"
ALGORITHMS = [
    "none", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES256K", "ES384", "ES512", "EdDSA", "Ed448",
]  # fmt: skip
SETTINGS = {
    "provider": "oidc",
    "defaults": "o2sidecar",
    "oidc_issuer_url": ADDRESS,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "cookie_secret": "0123456789abcdef",
    "email_domains": "*",
    "redirect_url": "https://app.example.com/oauth2/callback",
    "insecure_oidc_allow_unverified_email": "true",
    "upstreams": "http://127.0.0.1:8080/",
}
"""Plain settings; the suite's person has an email that nobody verified."""

USER_INFO: dict[str, Any] = {
    "sub": SUBJECT,
    "name": "Demo T. User",
    "preferred_username": "d.tu",
    "email": "user@example.com",
    "email_verified": False,
    "phone_number": "+1 555 5550000",
}


class Suite:
    """A run of one module: a sidecar, and the suite's provider for it."""

    def __init__(self, change: Callable[[Suite], object] = lambda suite: None, **settings: str) -> None:
        options = {**SETTINGS, **settings}
        self.form_post = options.get("auth_request_response_mode") == "form_post"
        self.alg = "RS256"
        self.names_its_key = True
        self.keys = 0
        self.sent: dict[str, str] = {}
        self.sign: Callable[[dict[str, Any]], str] = self.signed
        loaded = load([], {BY_KEY[key].variable: value for key, value in options.items()})
        self.world = World(loaded, prepare=lambda provider: self._prepare(provider, change))

    def _prepare(self, provider: FakeProvider, change: Callable[[Suite], object]) -> None:
        self.provider = provider
        provider.discovery |= {
            "id_token_signing_alg_values_supported": ALGORITHMS,
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "userinfo_signing_alg_values_supported": ALGORITHMS,
            "claim_types_supported": ["normal", "aggregated", "distributed"],
            "response_modes_supported": ["query", "fragment", "form_post"],
        }
        provider.claims = {}
        provider.user_info = dict(USER_INFO)
        provider.tokens["refresh_token"] = None
        provider.make_id_token = self.id_token
        self.new_keys()
        change(self)

    def key(self) -> Key:
        """The key that signs."""
        kind: dict[str, tuple[str, int | str]] = {"R": ("RSA", 2048), "P": ("RSA", 2048), "E": ("EC", "P-256")}
        return signing_key(f"suite {self.keys}", *kind[self.alg[0]])

    def new_keys(self) -> None:
        """Generate a key set of the suite's kind; the one that signs is among others of its own kind."""
        self.keys += 1
        several: list[tuple[Key, dict[str, Any]]] = [
            (signing_key(f"suite idle {self.keys}", "RSA", 2048), {}),
            (signing_key(f"suite {self.keys}", "RSA", 2048), {}),
            (signing_key(f"suite idle {self.keys}", "EC", "P-256"), {}),
            (signing_key(f"suite {self.keys}", "EC", "P-256"), {}),
            (signing_key(f"suite {self.keys}", "EC", "secp256k1"), {}),
            (signing_key(f"suite {self.keys}", "OKP", "Ed25519"), {}),
            (signing_key("suite encryption"), {"use": "enc", "alg": "RSA-OAEP"}),
            (signing_key("suite encryption", "EC", "P-256"), {"use": "enc", "alg": "ECDH-ES"}),
        ]
        self.provider.jwks = [
            public_jwk(key, **{"use": "sig", "kid": f"{self.keys}-{number}", **members})
            for number, (key, members) in enumerate(several)
        ]

    def without_kids(self, *, most: int = 100) -> None:
        """Let neither keys nor tokens have ids; of RSA keys for signatures, show the last so many."""
        self.names_its_key = False
        for jwk in self.provider.jwks:
            jwk.pop("kid")
        rsa = [jwk for jwk in self.provider.jwks if jwk["kty"] == "RSA" and jwk["use"] == "sig"]
        for surplus in rsa[:-most]:
            self.provider.jwks.remove(surplus)

    def signed(self, claims: dict[str, Any]) -> str:
        """A JWT by the key that signs, named in its header if keys have names."""
        shown = public_jwk(self.key())
        kid = next(
            (
                jwk.get("kid")
                for jwk in self.provider.jwks
                if all(jwk.get(n) == v for n, v in shown.items() if n != "kid")
            ),
            "of another set",
        )
        return compact({"alg": self.alg, **({"kid": kid} if self.names_its_key else {})}, claims, self.key(), self.alg)

    def id_token(self, **changes: Any) -> str:
        """The ID token of the login that is under way."""
        now = int(self.world.clock.seconds())
        claims = {"iss": ADDRESS, "sub": SUBJECT, "aud": CLIENT_ID, "iat": now, "exp": now + 300}
        nonce = {"nonce": self.sent["nonce"]} if "nonce" in self.sent else {}
        return self.sign({name: value for name, value in {**claims, **nonce, **changes}.items() if value is not None})

    def log_in(self) -> Message:
        """The answer to a login: where it was to lead, or the page that refuses it."""
        begun = self.world.begin("/wanted")
        if begun.status != 302:
            return begun
        self.sent = parameters_of(begun)
        done = self.come_back({"code": "C-1", "state": self.sent["state"]})
        self.world.keep(done)
        return done

    def come_back(self, answer: dict[str, str]) -> Message:
        """What a browser gets that brings the provider's answer; posted across sites, if it is."""
        if not self.form_post:
            return self.world.get(f"/oauth2/callback?{urlencode(answer)}")
        form = b"Content-Type: application/x-www-form-urlencoded"
        across = (form, b"Origin: null", b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Mode: navigate")
        return self.world.get("/oauth2/callback", *across, method=b"POST", body=urlencode(answer).encode())

    def asked(self, path: str) -> int:
        """How often the provider was asked for something."""
        return self.provider.paths().count(path)

    def client_authentication(self) -> str:
        """How the token endpoint was told who we are."""
        asked = next(asked for asked in self.provider.asked if asked.path == "/token")
        if "authorization" not in asked.headers:
            return "post" if asked.form.get("client_secret") == CLIENT_SECRET else "none"
        credentials = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
        return "basic" if credentials == f"{CLIENT_ID}:{quote(CLIENT_SECRET)}" else "unknown"


@frozen(kw_only=True)
class Module:
    """A module of the suite.

    `change` is what is special about its provider. `signs_in`: whether the person is in at the end. `asks_user_info`:
    whether user info is asked. `settings`: those that the module needs beside the plain ones.
    """

    change: Callable[[Suite], object] = lambda suite: None
    signs_in: bool = True
    asks_user_info: bool = True
    settings: Mapping[str, str] = field(factory=dict)


def _token(**changes: Any) -> Callable[[Suite], object]:
    return lambda suite: suite.provider.claims.update(changes)


def _signature(alg: str) -> Callable[[Suite], object]:
    """ID tokens of this algorithm whose signature is damaged in one place."""

    def change(suite: Suite) -> None:
        suite.alg = alg

        def damaged(claims: dict[str, Any]) -> str:
            head, _, signature = suite.signed(claims).rpartition(".")
            return f"{head}.{signature[:9]}{'A' if signature[9] != 'A' else 'B'}{signature[10:]}"

        suite.sign = damaged

    return change


def _shared_secret(suite: Suite) -> None:
    suite.provider.discovery["id_token_signing_alg_values_supported"] = ["HS256"]
    suite.sign = lambda claims: compact({"alg": "HS256"}, claims, None) + "A" * 43


def _unsigned(suite: Suite) -> None:
    suite.sign = lambda claims: compact({"alg": "none"}, claims, None)


def _nonce(suite: Suite) -> None:
    signed = suite.sign
    suite.sign = lambda claims: signed({**claims, "nonce": f"{claims['nonce']}1"})


def _rotated_before_signing(suite: Suite) -> None:
    """New keys for each token, although somebody may have fetched the old ones."""
    signed = suite.sign

    def rotated(claims: dict[str, Any]) -> str:
        suite.new_keys()
        return signed(claims)

    suite.sign = rotated


def _jwks_elsewhere(suite: Suite) -> None:
    suite.provider.discovery["jwks_uri"] = f"{ADDRESS}/jwksRandom"
    suite.provider.instead["/jwksRandom"] = answering({"keys": suite.provider.jwks})


def _signed_user_info(suite: Suite) -> None:
    said = {**USER_INFO, "iss": ADDRESS, "aud": CLIENT_ID}
    suite.provider.instead["/userinfo"] = answering(
        suite.signed(said).encode(), content_type="application/jwt;charset=UTF-8"
    )


def _aggregated(suite: Suite) -> None:
    jwt = compact({"alg": "none"}, {"phone_number": "+1 (310) 123-4567"}, None)
    _refers(suite, "phone_number", {"JWT": jwt})


def _distributed(suite: Suite) -> None:
    _refers(suite, "credit_score", {"endpoint": f"{ADDRESS}/claims_endpoint", "access_token": "AT-claims"})
    suite.provider.instead["/claims_endpoint"] = answering(
        suite.signed({"credit_score": 650}).encode(), content_type="application/jwt;charset=UTF-8"
    )


def _refers(suite: Suite, name: str, source: dict[str, str]) -> None:
    suite.provider.user_info = {"sub": SUBJECT, "_claim_names": {name: "src1"}, "_claim_sources": {"src1": source}}


EMAIL_BY_SUBJECT = {"oidc_email_claim": "sub"}
"""The modules about other sources of claims have no email."""


def _refused(change: Callable[[Suite], object]) -> Module:
    return Module(change=change, signs_in=False, asks_user_info=False)


MODULES: dict[str, Module] = {
    "oidcc-client-test": Module(),
    "oidcc-client-test-nonce-invalid": _refused(_nonce),
    "oidcc-client-test-client-secret-basic": Module(),
    "oidcc-client-test-scope-userinfo-claims": Module(),
    "oidcc-client-test-kid-absent-single-jwks": Module(change=lambda suite: suite.without_kids(most=1)),
    "oidcc-client-test-kid-absent-multiple-jwks": Module(change=Suite.without_kids),
    "oidcc-client-test-missing-iat": _refused(_token(iat=None)),
    "oidcc-client-test-missing-aud": _refused(_token(aud=None)),
    "oidcc-client-test-invalid-aud": _refused(_token(aud=f"{CLIENT_ID}1")),
    "oidcc-client-test-idtoken-sig-none": _refused(_unsigned),
    "oidcc-client-test-idtoken-sig-rs256": Module(
        change=lambda suite: suite.provider.discovery.update(id_token_signing_alg_values_supported=["RS256"])
    ),
    "oidcc-client-test-missing-sub": _refused(_token(sub=None)),
    "oidcc-client-test-invalid-sig-rs256": _refused(_signature("RS256")),
    "oidcc-client-test-invalid-iss": _refused(_token(iss=f"{ADDRESS}1")),
    "oidcc-client-test-userinfo-invalid-sub": Module(
        change=lambda suite: suite.provider.user_info.update(sub=f"{SUBJECT}1"), signs_in=False
    ),
    "oidcc-client-test-userinfo-bearer-header": Module(),
    "oidcc-client-test-userinfo-bearer-body": Module(settings={"oidc_user_info_by_form": "true"}),
    "oidcc-client-test-invalid-sig-hs256": _refused(_shared_secret),
    "oidcc-client-test-invalid-sig-es256": _refused(_signature("ES256")),
    "oidcc-client-test-aggregated-claims": Module(change=_aggregated, settings=EMAIL_BY_SUBJECT),
    "oidcc-client-test-distributed-claims": Module(change=_distributed, settings=EMAIL_BY_SUBJECT),
    "oidcc-client-test-discovery-openid-config": Module(),
    "oidcc-client-test-discovery-jwks-uri-keys": Module(change=_jwks_elsewhere),
    "oidcc-client-test-discovery-issuer-mismatch": _refused(
        lambda suite: suite.provider.discovery.update(issuer=f"{ADDRESS}INVALID")
    ),
    "oidcc-client-test-signing-key-rotation-just-before-signing": Module(change=_rotated_before_signing),
    "oidcc-client-test-signing-key-rotation": Module(),
    "oidcc-client-test-userinfo-signed": Module(change=_signed_user_info),
}
"""Every module that applies to the code flow of a client with a fixed registration and a secret.

Left out are those that begin with what a proxy has no use for: WebFinger, dynamic registration, request objects.
"""

BASIC = (
    "", "-invalid-iss", "-missing-sub", "-invalid-aud", "-missing-iat", "-kid-absent-single-jwks",
    "-kid-absent-multiple-jwks", "-idtoken-sig-rs256", "-idtoken-sig-none", "-invalid-sig-rs256",
    "-userinfo-invalid-sub", "-nonce-invalid", "-scope-userinfo-claims", "-client-secret-basic",
)  # fmt: skip
CONFIG = (
    "-discovery-openid-config", "-discovery-jwks-uri-keys", "-discovery-issuer-mismatch", "-idtoken-sig-none",
    "-signing-key-rotation-just-before-signing", "-signing-key-rotation",
)  # fmt: skip
"""The modules of the two plans, behind `oidcc-client-test`. The form-post plan is the first one, posted."""
