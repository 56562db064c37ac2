"""The state parameter (RFC 6749 §4.1.1): the hash of a login's secret, where its person wants to go, and its seed."""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64encode
from urllib.parse import unquote_plus

from attrs import frozen

from o2sidecar.refusals import BadRequest, LoginFailed

_LONGEST = 16 * 1024
_BASE64 = re.compile(r"[A-Za-z0-9_-]*={0,2}")
_SEED = re.compile(r"#~([A-Za-z0-9_-]{35,120})\Z")


@frozen(kw_only=True)
class State:
    """What a state says.

    Attributes:
        hash: of the login's secret.
        redirect: where the person wants to go; may be anything and must be checked.
        seed: what the login's secrets are made of, together with the browser's (`BrowserSecret`), as text; empty if
            that is not told. Nothing vouches for it but that secrets made of it have this hash.
    """

    hash: str
    redirect: str
    seed: str = ""


def encode_state(state: State, wrapped: bool) -> str:
    """The state to send: `hash:redirect` or `hash:redirect#~seed`; `wrapped` puts it into unpadded URL-safe base64.

    Some providers and firewalls mangle or refuse a state that holds a URL: wrapping is for them. The seed stands where
    a pod of oauth2-proxy takes it for a fragment, so that one can complete the login too.
    """
    plain = f"{state.hash}:{state.redirect}" + (f"#~{state.seed}" if state.seed else "")
    if not wrapped:
        return plain
    return urlsafe_b64encode(plain.encode()).rstrip(b"=").decode("ascii")


def decode_state(text: str, wrapped: bool) -> State:
    """What a state says that came back.

    Raises `BadRequest` (state_missing) if there is none, and `LoginFailed` (state_malformed, with the status 500
    that oauth2-proxy gives it) if it is not of our form.
    """
    if not text:
        raise BadRequest(reason="state_missing", sentence="This answer belongs to no sign-in: it has no state.")
    if len(text) > _LONGEST:
        raise _malformed("the state parameter is too long")
    plain = _unwrapped(text) if wrapped else text
    state_hash, colon, redirect = plain.partition(":")
    if not colon or not state_hash:
        raise _malformed("the state parameter has an invalid length: it must be a hash, a colon and a redirect")
    if not wrapped and "/" not in redirect:
        # oauth2-proxy quotes it since 7.15.6, and a login that began there may be completed here.
        redirect = unquote_plus(redirect)
    seed = _SEED.search(redirect)
    if seed is None:
        return State(hash=state_hash, redirect=redirect)
    return State(hash=state_hash, redirect=redirect[: seed.start()], seed=seed[1])


def _unwrapped(text: str) -> str:
    if not _BASE64.fullmatch(text):
        raise _malformed("the state parameter is no URL-safe base64")
    standard = text.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return binascii.a2b_base64(standard + "=" * (-len(standard) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise _malformed("the state parameter has an invalid length, or is no base64 of text") from None


def _malformed(detail: str) -> LoginFailed:
    return LoginFailed(
        reason="state_malformed",
        sentence="This answer belongs to no sign-in that began here. Please sign in again.",
        detail=detail,
        status=500,
    )
