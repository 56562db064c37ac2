"""`injectRequestHeaders` and `injectResponseHeaders` of the structured file, read into header rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from o2sidecar.identity import HeaderRule, HeaderSource, folded
from o2sidecar.settings.blocks import Block
from o2sidecar.settings.files import read_text, without_line_break
from o2sidecar.settings.kinds import shown

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_FRAMING = frozenset(
    {b"connection", b"content-length", b"host", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Fields that say where a message ends or who it is for; no identity belongs in them."""


def header_rules(root: Block, key: str) -> tuple[HeaderRule, ...]:
    """The rules in the list at a key; what is wrong is reported."""
    rules, seen = [], set()
    for block in root.blocks(key):
        name = block.text("name")
        preserve = block.switch("preserveRequestValue")
        block.not_built("InsecureSkipHeaderNormalization")
        sources = tuple(source for value in block.blocks("values") for source in _sources(value))
        if not _TOKEN.fullmatch(name) or folded(name.encode()) in _FRAMING:
            block.refuse("name", f"{shown(name)} is no name of a header that can be set")
        elif folded(name.encode()) in seen:
            block.refuse("name", f"more than one entry sets {shown(name)}")
        else:
            seen.add(folded(name.encode()))
            rules.append(HeaderRule(name=name, sources=sources, preserve=preserve))
    return tuple(rules)


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
