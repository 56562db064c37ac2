"""What can be told of a request whose head is refused: a few fields, as they seem, for the looks of the answer.

Nothing is decided by them but whether a person or a script is told, under which name, and which cookies of ours go.
"""

from __future__ import annotations

from o2sidecar.http.message.fields import Field
from o2sidecar.identity import folded

_WANTED = frozenset(
    {
        b"accept",
        b"content-type",
        b"cookie",
        b"host",
        b"sec-fetch-dest",
        b"sec-fetch-mode",
        b"upgrade",
        b"user-agent",
        b"x-requested-with",
    }
)
_COOKIE = frozenset({b"cookie"})
_MOST_LINES = 512
_VISIBLE = b"\t" + bytes(range(0x20, 0x7F))


def glean(head: bytes, also: bytes = b"") -> list[Field]:
    """Fields that a browser's head has, out of bytes that may be anything; no others.

    `also`: one more name that is wanted, in lower case. What is cut off, doubled (but Cookie) or not visible ASCII is
    left out.
    """
    wanted = _WANTED | {also}
    *lines, last = head.lstrip(b"\r\n").split(b"\r\n", _MOST_LINES)
    found = []
    for line in lines[1:]:
        if not line:
            break
        found += _fields(line, wanted)
    else:
        # Of cookies that are cut off, those before the cut count.
        found += _fields(last, _COOKIE)
    names = [field.lower for field in found]
    return [field for field in found if field.lower in _COOKIE or names.count(field.lower) == 1]


def _fields(line: bytes, wanted: frozenset[bytes]) -> list[Field]:
    """The field that a line is, if it is a wanted one."""
    name, colon, value = line.partition(b":")
    lower, value = name.lower(), value.strip(b" \t")
    if not name or not colon or lower not in wanted or value.translate(None, _VISIBLE):
        return []
    return [Field(name=name, lower=lower, folded=folded(name), value=value, line=b"%s: %s" % (name, value))]
