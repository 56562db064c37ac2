"""What may stand in Host: a name or an address, and perhaps a port (RFC 9110 §7.2, RFC 3986 §3.2.2)."""

from __future__ import annotations

import re

_HOST = re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::([0-9]{0,5}))?")
_MOST = 1024
_known: dict[bytes, bool] = {}


def is_host(text: bytes) -> bool:
    """Whether `text` is a host that is not empty, with a port up to 65535 if there is one; remembered, bounded."""
    known = _known.get(text)
    if known is None:
        found = _HOST.fullmatch(text)
        known = found is not None and int(found.group(1) or 0) <= 65535
        if len(text) <= 300:
            if len(_known) >= _MOST:
                _known.clear()
            _known[text] = known
    return known
