"""Sessions as cookie values: MessagePack in an LZ4 frame, sealed."""

from __future__ import annotations

import os
from collections.abc import Callable
from math import floor

import lz4.frame
from attrs import field, frozen

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.packing import pack, unpack
from o2sidecar.session.sealing import CookieRefused, is_signed_with, seal, unseal
from o2sidecar.session.session import Session


@frozen(kw_only=True)
class SessionCodec:
    """Writes and reads the values of session cookies, in oauth2-proxy's form.

    `expire`: seconds after which a cookie is too old; 0: never. `inflated_limit`: most bytes that a session may have
    when its compression is undone. `random(n)` gives n bytes.
    """

    ring: KeyRing
    expire: float
    inflated_limit: int = 1024 * 1024
    random: Callable[[int], bytes] = field(default=os.urandom, repr=False)

    def encode(self, name: str, session: Session) -> str:
        """The value for the cookie of that name.

        The session's `created_at` becomes the time of the seal; raises `ValueError` if it has none.
        """
        if session.created_at is None:
            raise ValueError("a session without created_at cannot be sealed")
        frame = lz4.frame.compress(
            pack(session),
            block_size=lz4.frame.BLOCKSIZE_MAX64KB,
            block_linked=False,
            content_checksum=True,
            store_size=False,
        )
        return seal(self.ring.sealing, name, frame, floor(session.created_at), random=self.random)

    def decode(self, name: str, value: str, now: float) -> Session:
        """The session in a value; `now` is in seconds since the epoch.

        Raises `CookieRefused` if it cannot be used. A session that names nobody is no error here
        (`Session.names_somebody`).
        """
        frame, _ = unseal(self.ring, name, value, self.expire, now)
        return unpack(self._inflated(frame))

    def is_aged(self, name: str, value: str) -> bool:
        """Whether a good value was sealed with another key than the one that seals now."""
        return len(self.ring.keys) > 1 and not is_signed_with(self.ring.sealing, name, value)

    def _inflated(self, frame: bytes) -> bytes:
        decompressor = lz4.frame.LZ4FrameDecompressor()
        try:
            plain: bytes = decompressor.decompress(frame, max_length=self.inflated_limit)
        except (RuntimeError, EOFError, ValueError):
            raise CookieRefused("content") from None
        # The frame may be cut short, hold more than anybody's session, or be followed by what belongs to the time
        # of the seal (the signature does not mark the border between the two).
        if not decompressor.eof or decompressor.unused_data:
            raise CookieRefused("content")
        return plain
