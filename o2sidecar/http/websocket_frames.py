"""Where WebSocket frames end in a stream that passes by, and the Close frame (RFC 6455 §5.2, §5.5.1).

HOT: `Frames.follow` sees every piece that passes. It reads frame headers and skips payloads: nothing is copied, and no
more is kept than a header that is not whole yet, 13 bytes at most.
"""

from __future__ import annotations

_FIN = 0x80
_MASK = 0x80
_LONGEST_HEADER = 14
_LONGEST_CONTROL = 125
_ENDLESS = 1 << 64
"""More bytes than a payload can have."""

_DATA, _CONTROL, _CLOSE = range(1, 4)


def _kind(first: int) -> int:
    """What a frame is by its first byte; 0: nothing that there is. Reserved bits are left to extensions."""
    opcode = first & 0x0F
    if opcode <= 0x2:
        return _DATA
    # §5.5: control frames are never in fragments.
    if not first & _FIN or not 0x8 <= opcode <= 0xA:
        return 0
    return _CLOSE if opcode == 0x8 else _CONTROL


_KINDS = bytes(map(_kind, range(256)))


class Frames:
    """Follows the frames that one side sends.

    What breaks the framing is noted, not judged: the stream goes on, only no frame ends in it any more. Payloads are
    not looked at.
    """

    __slots__ = ("_header", "_left", "_mask", "_size", "closed", "valid")

    def __init__(self, *, masked: bool) -> None:
        """`masked`: whether this side has to mask what it sends: clients do, servers do not (§5.1)."""
        self._mask = _MASK if masked else 0
        self._size = 6 if masked else 2
        self._header = b""
        self._left = 0
        self.valid = True
        """Whether all that passed was framed."""
        self.closed = False
        """Whether a Close frame has passed, or its header at least."""

    @property
    def between(self) -> bool:
        """Whether a frame has just ended, or none has begun."""
        return not self._left and not self._header

    def follow(self, data: bytes, start: int = 0) -> None:
        """Note what passes: `data` from `start` on."""
        end = len(data)
        while start < end:
            start = self.step(data, start)

    def step(self, data: bytes, start: int = 0) -> int:
        """Note what passes up to the end of the frame under way, or of `data`; gives where that is."""
        if not self._left:
            start = self._begin(data, start)
        end = len(data)
        frame_end = start + self._left
        if frame_end > end:
            self._left = frame_end - end
            return end
        self._left = 0
        return frame_end

    def _begin(self, data: bytes, start: int) -> int:
        """Read the header of a frame, as far as it is there; gives where it ends."""
        held = self._header
        header = held + data[start : start + _LONGEST_HEADER - len(held)]
        if len(header) < 2:
            self._header = header
            return len(data)
        kind, second, size = _KINDS[header[0]], header[1], self._size
        length = second & 0x7F
        if length > _LONGEST_CONTROL:
            extended = 2 if length == 126 else 8
            length = int.from_bytes(header[2 : 2 + extended], "big")
            size += extended
            # §5.5: control frames are short. §5.2: the most significant bit of a length in 64 bits is 0.
            if kind != _DATA or length >> 63:
                kind = 0
        if not kind or second & _MASK != self._mask:
            self.valid = False
            self._left = _ENDLESS
            return start
        if len(header) < size:
            self._header = header
            return len(data)
        if kind == _CLOSE:
            self.closed = True
        self._header = b""
        self._left = length
        return start + size - len(held)


def close_frame(code: int, reason: str, mask: bytes = b"") -> bytes:
    """A Close frame with a status code (§7.4) and a reason of at most 123 bytes in UTF-8.

    `mask`: the masking key, 4 bytes, of a frame that a client sends (§5.3). Raises `ValueError` for a longer reason.
    """
    payload = code.to_bytes(2, "big") + reason.encode()
    if len(payload) > _LONGEST_CONTROL:
        raise ValueError("the reason of a Close frame is longer than 123 bytes")
    if not mask:
        return bytes((_FIN | 0x8, len(payload))) + payload
    masked = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
    return bytes((_FIN | 0x8, _MASK | len(payload))) + mask + masked
