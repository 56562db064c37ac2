"""`injectRequestHeaders` and `injectResponseHeaders` of the structured file, read into header rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from o2sidecar.identity import HeaderRule, HeaderSource, folded
from o2sidecar.settings import shape
from o2sidecar.settings.blocks import Block
from o2sidecar.settings.files import read_text, without_line_break
from o2sidecar.settings.kinds import shown
from o2sidecar.settings.shape import Shape

AUTH_ONLY = "authEndpointOnly"
"""A key of ours: oauth2-proxy's answers give browsers all that its auth endpoint's give the proxy that asks."""

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FRAMING = frozenset(
    {b"connection", b"content-length", b"host", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Fields that say where a message ends or who it is for; no identity belongs in them."""

SECRET = Shape(
    keys=(
        shape.text("value", "the secret itself, as it is"),
        shape.text("fromEnv", "the variable that holds it"),
        shape.text("fromFile", "the file that holds it; one line break at its end does not count"),
    ),
    one_of=("value", "fromEnv", "fromFile"),
)
_CLAIM = Shape(
    keys=(
        shape.text(
            "claim",
            "claim of the session, like user, email, groups or id_token; dots reach into objects",
            required=True,
        ),
        shape.text("prefix", "what stands before each value"),
        shape.block("basicAuthPassword", "makes Basic credentials of the claim and this password", SECRET),
    )
)
_VALUE = Shape(
    keys=(
        shape.block("secretSource", "a fixed text", SECRET),
        shape.block("claimSource", "a claim of the session", _CLAIM),
    ),
    one_of=("secretSource", "claimSource"),
)
_HEADER = (
    shape.text("name", "the header", required=True),
    shape.switch("preserveRequestValue", "let a client's value stay, in front"),
    shape.not_built("InsecureSkipHeaderNormalization"),
    shape.blocks("values", "its values, which are joined by commas; an absent claim gives none", _VALUE),
)
REQUEST_HEADER = Shape(keys=_HEADER)
RESPONSE_HEADER = Shape(
    keys=(
        *_HEADER,
        shape.switch(AUTH_ONLY, "only in the auth endpoint's answer, which the proxy that asked reads; ours"),
    )
)


def request_rules(root: Block) -> tuple[HeaderRule, ...]:
    """The rules for the app; what is wrong is reported."""
    return tuple(rule for rule, _ in _rules(root, "injectRequestHeaders"))


def response_rules(root: Block) -> tuple[tuple[HeaderRule, ...], tuple[HeaderRule, ...]]:
    """The rules for the app's answers, and those for the auth endpoint's; what is wrong is reported."""
    rules = list(_rules(root, "injectResponseHeaders"))
    return tuple(rule for rule, auth_only in rules if not auth_only), tuple(rule for rule, _ in rules)


def _rules(root: Block, key: str) -> Iterator[tuple[HeaderRule, bool]]:
    seen = set()
    for block in root.blocks(key):
        name = block.text("name")
        preserve = block.switch("preserveRequestValue")
        auth_only = AUTH_ONLY in block.shape.keys and block.switch(AUTH_ONLY)
        sources = tuple(source for value in block.blocks("values") for source in _sources(value))
        if not _TOKEN.fullmatch(name) or folded(name.encode()) in _FRAMING:
            block.refuse("name", f"{shown(name)} is no name of a header that can be set")
        elif folded(name.encode()) in seen:
            block.refuse("name", f"more than one entry sets {shown(name)}")
        else:
            seen.add(folded(name.encode()))
            yield HeaderRule(name=name, sources=sources, preserve=preserve), auth_only


def _sources(value: Block) -> Iterator[HeaderSource]:
    secret, claim = value.block("secretSource"), value.block("claimSource")
    if (secret is None) == (claim is None):
        value.reading.refuse(value.path, "must hold either a secretSource or a claimSource")
    if secret is not None:
        text = secret_of(secret)
        if text is not None:
            yield HeaderSource(value=text)
    if claim is not None:
        yield from _of_claim(claim)


def _of_claim(block: Block) -> Iterator[HeaderSource]:
    claim, prefix = block.text("claim"), block.text("prefix")
    password_block = block.block("basicAuthPassword")
    password = "" if password_block is None else secret_of(password_block)
    block.close()
    if not claim or _CONTROL.search(claim + prefix):
        block.refuse("claim", "must name a claim, and have no control character in its prefix")
    elif password is not None:
        yield HeaderSource(claim=claim, prefix=prefix, basic_auth_password=password)


def secret_of(block: Block) -> str | None:
    """The text that a block with one of `value`, `fromEnv` and `fromFile` stands for; None if that is reported.

    `value` is used as it stands, not decoded from base64; of a file, one line break at the end does not count.
    """
    source = secret_source(block)
    if source is None:
        return None
    key, said = source
    try:
        text = _secret(block, key, said)
    except ValueError as error:
        block.refuse(key, str(error))
        return None
    if not text or _CONTROL.search(text):
        block.refuse(key, "stands for nothing, or for a text with control characters")
        return None
    return text


def secret_source(block: Block) -> tuple[str, str] | None:
    """Which of `value`, `fromEnv` and `fromFile` a block holds, and what it says; None if that is reported."""
    named = {key: block.text(key) for key in ("value", "fromEnv", "fromFile")}
    block.close()
    said = [(key, text) for key, text in named.items() if text]
    if len(said) != 1:
        block.reading.refuse(block.path, "must hold exactly one of value, fromEnv and fromFile")
        return None
    return said[0]


def _secret(block: Block, key: str, text: str) -> str:
    if key == "fromEnv":
        return block.reading.environment.get(text, "")
    if key == "fromFile":
        return without_line_break(read_text(text, block.reading.read_file))
    return text
