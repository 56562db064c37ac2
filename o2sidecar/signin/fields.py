"""What a browser submitted: the fields of a query and of a form, decoded strictly."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from attrs import frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.refusals import BadRequest

_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_MOST = 200


@frozen
class Fields:
    """Names and values in the order in which they were submitted; names may repeat."""

    pairs: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, encoded: bytes, *, most: int = _MOST) -> Fields:
        """Decode `application/x-www-form-urlencoded` (WHATWG URL §5.1).

        Raises `BadRequest` (malformed_fields) for a broken percent-encoding, for what is not UTF-8, and for more than
        `most` fields: a decoder that guesses would let two readers see two values.
        """
        pieces = [piece for piece in encoded.split(b"&") if piece]
        if len(pieces) > most:
            raise _malformed(f"more than {most} fields")
        pairs = []
        for piece in pieces:
            name, _, value = piece.partition(b"=")
            pairs.append((_decoded(name), _decoded(value)))
        return cls(tuple(pairs))

    def __add__(self, other: Fields) -> Fields:
        return Fields(self.pairs + other.pairs)

    def first(self, name: str) -> str:
        """The first value of a field; empty if there is none."""
        return next((value for found, value in self.pairs if found == name), "")

    def one(self, name: str) -> str:
        """The only value of a field; empty if there is none.

        RFC 6749 §3.1: parameters must not be included more than once; raises `BadRequest` (repeated_parameter).
        """
        values = [value for found, value in self.pairs if found == name]
        if len(values) > 1:
            raise BadRequest(
                reason="repeated_parameter",
                sentence="This request makes no sense: it says one thing twice.",
                detail=f"the parameter {name} came {len(values)} times",
            )
        return values[0] if values else ""


def query_fields(exchange: Exchange, semicolons: bool = False) -> Fields:
    """The fields of a request's query; raises `BadRequest` as `Fields.parse` does.

    `semicolons`: whether `;` separates them as `&` does, which RFC 1866 §8.2.1 once recommended.
    """
    _, _, query = exchange.target.partition(b"?")
    return Fields.parse(query.replace(b";", b"&") if semicolons else query)


def carries_form(exchange: Exchange) -> bool:
    """Whether a request is a POST whose body is an URL-encoded form."""
    kind = (exchange.header(b"content-type") or b"").partition(b";")[0].strip().lower()
    return exchange.method == b"POST" and exchange.has_body and kind == b"application/x-www-form-urlencoded"


def form_fields(exchange: Exchange, body: bytes) -> Fields:
    """The fields of a request's form and nothing of its query, for what must not stand in a URL.

    Raises `BadRequest` as `Fields.parse` does.
    """
    return Fields.parse(body) if carries_form(exchange) else Fields()


def submitted_fields(exchange: Exchange, body: bytes, semicolons: bool = False) -> Fields:
    """The fields of a request's form, if `body` is one, then those of its query (`semicolons` as in `query_fields`).

    Raises `BadRequest` as `Fields.parse` does.
    """
    return form_fields(exchange, body) + query_fields(exchange, semicolons)


def _decoded(text: bytes) -> str:
    if _BROKEN_ESCAPE.search(text):
        raise _malformed("a broken percent-encoding")
    try:
        return unquote_to_bytes(text.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise _malformed("text that is not UTF-8") from None


def _malformed(what: str) -> BadRequest:
    return BadRequest(
        reason="malformed_fields",
        sentence="This request makes no sense: its parameters are damaged.",
        detail=f"the parameters hold {what}",
    )
