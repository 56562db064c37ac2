"""Sessions that end before their time: what a list of them says, and which sessions it is about.

Such a list is for many readers: a line is signed by itself, so that whoever has the cookie secret can add one, and
whom it is about shows to nobody else.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from hashlib import sha256
from typing import Any, Literal

from attrs import frozen

from o2sidecar.session.keys import KeyRing
from o2sidecar.session.session import Session

Kind = Literal["session", "sid", "subject", "user", "all"]

_LINE = re.compile(rb"1 (session|sid|subject|user|all) ([A-Za-z0-9_-]{22}) ([0-9]{1,15}) ([A-Za-z0-9_-]{22})")
_PURPOSE = b"o2sidecar: list of revoked sessions, version 1"
_SHORT = 16
_MANY = 1000


@frozen(kw_only=True)
class Revocation:
    """Whose sessions are over, and since when.

    Attributes:
        kind: what `digest` is of: one session; a provider's `sid` or subject (`iss` with it); a user's address or name;
            or of nothing, for everybody's sessions.
        before: milliseconds since the epoch; a session that began later goes on.
        line: the same as a list has it.
    """

    kind: str
    digest: bytes
    before: int
    line: bytes


class RevocationKeys:
    """What signs lines and hides whom they are about: made from the cookie secrets, the first of which writes."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._keys: list[bytes] = []
        self._follow()
        ring.on_change(self._follow)

    def _follow(self) -> None:
        """Take over the ring's keys; what earlier ones wrote still counts."""
        keys = [hmac.digest(key.text, _PURPOSE, sha256) for key in self._ring.keys]
        self._keys = list(dict.fromkeys([*keys, *self._keys]))

    def revocation(self, kind: Kind, parts: Iterable[str], before: float) -> Revocation:
        """Of what `parts` name; `before` in seconds since the epoch."""
        digest, moment = _digest(self._keys[0], kind, parts), int(before * 1000)
        said = b"1 %s %s %d" % (kind.encode(), digest, moment)
        line = said + b" " + _short(hmac.digest(self._keys[0], said, sha256))
        return Revocation(kind=kind, digest=digest, before=moment, line=line)

    def read(self, line: bytes) -> Revocation | None:
        """What a line of a list says; `None` if nobody who has one of the secrets wrote it."""
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        said, _, signature = line.rpartition(b" ")
        if not any(hmac.compare_digest(_short(hmac.digest(key, said, sha256)), signature) for key in self._keys):
            return None
        return Revocation(kind=found[1].decode(), digest=found[2], before=int(found[3]), line=line)

    def digests(self, kind: Kind, parts: Iterable[str]) -> list[bytes]:
        """By which lines may name it, whichever secret wrote them."""
        parts = list(parts)
        return [_digest(key, kind, parts) for key in self._keys]


class Revocations:
    """The revocations that are known.

    HOT: `generation`, which is compared for each request; what is below it only after it has changed.

    `lifetime`: seconds after which a session is over anyway; 0: never. `issuer_of`: the issuer of sessions that keep no
    ID token; empty if nobody knows.
    """

    def __init__(
        self,
        keys: RevocationKeys,
        *,
        now: Callable[[], float],
        lifetime: float,
        issuer_of: Callable[[Session], str] = lambda session: "",
    ) -> None:
        self.keys = keys
        self.now = now
        self.generation = 0
        """Changes whenever a session that counted may count no more."""
        self.blind = False
        """Whether nobody can tell just now whose sessions are over, and none is to count therefore."""
        self._lifetime = lifetime * 1000
        self._issuer_of = issuer_of
        self._known: dict[bytes, Revocation] = {}
        self._many = _MANY
        self._before: dict[tuple[str, bytes], int] = {}

    def turn_to(self, *, lifetime: float, issuer_of: Callable[[Session], str]) -> None:
        """Judge by other settings from now on."""
        self._lifetime = lifetime * 1000
        self._issuer_of = issuer_of

    def take(self, lines: Iterable[bytes]) -> list[bytes]:
        """Take over the lines of a list; gives those that nobody who has the secret wrote."""
        refused = []
        for line in lines:
            if line in self._known or not line:
                continue
            revocation = self.keys.read(line)
            if revocation is None:
                refused.append(line)
            else:
                self.add(revocation)
        return refused

    def add(self, revocation: Revocation) -> None:
        """Take one over, unless all that it is about is over by now."""
        if revocation.line in self._known or self._is_past(revocation):
            return
        if len(self._known) >= self._many:
            # Nobody else looks after those that no list is shared of.
            self.prune()
            self._many = max(_MANY, 2 * len(self._known))
        self._known[revocation.line] = revocation
        mark = revocation.kind, revocation.digest
        self._before[mark] = max(revocation.before, self._before.get(mark, 0))
        self.generation += 1

    def prune(self) -> None:
        """Forget what is about nothing any more."""
        past = [revocation for revocation in self._known.values() if self._is_past(revocation)]
        for revocation in past:
            del self._known[revocation.line]
            mark = revocation.kind, revocation.digest
            if self._before.get(mark) == revocation.before:
                del self._before[mark]

    def lines(self) -> list[bytes]:
        """What is known, as a list has it."""
        return [line for line, revocation in self._known.items() if not self._is_past(revocation)]

    def ends(self, session: Session) -> bool:
        """Whether a session is over."""
        if not self._before:
            return False
        began_at = session.began_at if session.began_at is not None else session.created_at or 0
        begun = int(began_at * 1000)
        for kind, parts in self._marks(session):
            for digest in self.keys.digests(kind, parts):
                before = self._before.get((kind, digest))
                # What names one session ends it whatever the clocks say.
                if before is not None and (begun <= before or kind in ("session", "sid")):
                    return True
        return False

    def of_session(self, session: Session) -> Revocation:
        """The end of one session, and of every copy of its cookies."""
        return self.keys.revocation("session", _name_of(session), self.now())

    def _marks(self, session: Session) -> list[tuple[Kind, list[str]]]:
        claims = id_token_claims(session)
        issuer = _text(claims.get("iss")) or self._issuer_of(session)
        subject = _text(claims.get("sub")) or session.user
        marks: list[tuple[Kind, list[str]]] = [("session", _name_of(session)), ("all", [])]
        marks += [("user", [user_name(name)]) for name in (session.email, session.user) if name]
        if issuer and subject:
            marks.append(("subject", [issuer, subject]))
        if issuer and (sid := _text(claims.get("sid"))):
            marks.append(("sid", [issuer, sid]))
        return marks

    def _is_past(self, revocation: Revocation) -> bool:
        return bool(self._lifetime) and revocation.before + self._lifetime < self.now() * 1000


def user_name(text: str) -> str:
    """An address or a user's name, as revocations compare it."""
    return text.strip().casefold()


def id_token_claims(session: Session) -> dict[str, Any]:
    """The claims of a session's ID token, which was verified when the session began; none if it kept none."""
    if not session.id_token:
        return {}
    from o2sidecar.oauth.jws import SignedToken, TokenRejected  # noqa: PLC0415 - what it needs is only for ID tokens

    try:
        return dict(SignedToken.parse(session.id_token).unverified_claims)
    except TokenRejected:
        return {}


def _name_of(session: Session) -> list[str]:
    """What tells a session from all others, before and after it is renewed: its login's nonce, where it has one."""
    if session.nonce:
        return ["nonce", session.nonce.hex()]
    moment = session.began_at if session.began_at is not None else session.created_at or 0
    return ["moment", str(int(moment * 1000)), session.user, session.email]


def _digest(key: bytes, kind: Kind, parts: Iterable[str]) -> bytes:
    # With their lengths, so that no two lists of texts become one.
    whole = "".join(f"{len(part)}:{part}" for part in (kind, *parts))
    return _short(hmac.digest(key, b"about " + whole.encode("utf-8", "surrogatepass"), sha256))


def _short(digest: bytes) -> bytes:
    return urlsafe_b64encode(digest[:_SHORT]).rstrip(b"=")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
