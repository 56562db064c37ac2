"""JWTs that we sign ourselves, to prove who we are (RFC 7519 §7.1)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from joserfc.jwk import Key
from joserfc.jws import JWSRegistry


def signed_jwt(claims: Mapping[str, object], *, key: Key, algorithm: str, key_id: str = "") -> str:
    """A JWT of these claims; `key_id` goes into its header unless it is empty."""
    header = {"alg": algorithm, "typ": "JWT", **({"kid": key_id} if key_id else {})}
    signing_input = f"{_encoded(header)}.{_encoded(claims)}"
    signature = JWSRegistry.algorithms[algorithm].sign(signing_input.encode("ascii"), key)
    return f"{signing_input}.{_base64url(signature)}"


def _encoded(value: Mapping[str, object]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
