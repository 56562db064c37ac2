"""Bearer tokens: JWTs of the provider, or of issuers named beside it, that stand in the place of a login.

A token may be an ID token or an access token (RFC 9068 §4); whoever it names has presented it to a client before us,
so it is judged as a resource server judges it: who made it, whom it is meant for, when it is valid, and not to which
client it was issued.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import attrs
from attrs import evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from o2sidecar.oauth.claims import STANDARD_EMAIL_CLAIM, reach
from o2sidecar.oauth.id_token import IdTokenRules
from o2sidecar.oauth.jws import SignedToken, TokenRejected
from o2sidecar.providers.id_token_check import IdTokenCheck
from o2sidecar.providers.key_set import KeySource
from o2sidecar.providers.persons import Persons
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable, Refusal
from o2sidecar.session.session import Session

REST = 10.0

_log = Logger()


async def _nothing_advertised() -> frozenset[str]:
    return frozenset()


class TokenIssuer:
    """One whose tokens count, and what persons it makes of them.

    `rules`: what its ID tokens must be; an empty issuer there, or one that is not compared, means any. `persons` makes
    persons of their claims, of which `email_claim` holds the email. `advertised` tells the algorithms that it says it
    signs with. `rest`: seconds for which it is not asked again after it could
    not be; so no storm of tokens becomes one of questions.
    """

    def __init__(
        self,
        *,
        rules: IdTokenRules,
        keys: KeySource,
        persons: Persons,
        clock: IReactorTime,
        email_claim: str = STANDARD_EMAIL_CLAIM,
        algorithms: Iterable[str] = (),
        advertised: Callable[[], Awaitable[frozenset[str]]] = _nothing_advertised,
        rest: float = REST,
    ) -> None:
        self._rules = evolve(rules, types=rules.types | {"at+jwt"}, check_authorized_party=False)
        self._check = IdTokenCheck(rules=self._rules, keys=keys, clock=clock, algorithms=algorithms)
        self._persons = persons
        self._email_claim = email_claim
        self._clock = clock
        self._advertised = advertised
        self._rest = rest
        self._rests_until = 0.0

    def may_have_made(self, token: SignedToken) -> bool:
        """Whether a token claims to be this issuer's."""
        return not self._rules.check_issuer or self._rules.is_issuer_of(token.unverified_claims)

    async def session(self, text: str) -> Session:
        """The session of a token that holds; raises the `Refusal` that it earns."""
        if self._clock.seconds() < self._rests_until:
            raise ProviderUnavailable(detail=f"{self._rules.issuer} could not be asked a moment ago")
        try:
            claims = await self._check.verify(text, advertised=await self._advertised())
        except ProviderUnavailable:
            self._rests_until = self._clock.seconds() + self._rest
            raise
        if "cnf" in claims:
            # RFC 7800 §3.1: such a token is nothing without a proof of its key, which nobody checks here.
            raise ProviderFailed(reason="token_bound", detail="the token is bound to a key (cnf)")
        if not reach(claims, self._email_claim):
            if "@" in claims["sub"]:
                # A subject is no address, whatever it looks like: that of a CI job's token ends in a branch's name,
                # which anybody chooses, and must not fit a rule about domains.
                raise ProviderFailed(
                    reason="token_email_missing",
                    detail=f"the token has no {self._email_claim}, and its subject (sub) only looks like an address",
                )
            # Whoever has no email is known by the subject, and then it is the subject that must be verified.
            claims[self._email_claim] = claims["sub"]
        try:
            person = await self._persons.presented(claims, token=text)
        except ProviderUnavailable:
            self._rests_until = self._clock.seconds() + self._rest
            raise
        return Session(
            created_at=self._clock.seconds(),
            began_at=float(claims["iat"]),
            expires_on=float(claims["exp"]),
            access_token=text,
            id_token=text,
            **attrs.asdict(person, recurse=False),
        )


class BearerTokens:
    """Judges bearer tokens by whoever of the issuers may have made them.

    `issuers`: each with the provider's id that its sessions are marked with. `presented`: notes in a session what else
    its token tells; `None`: nothing.
    """

    def __init__(
        self, issuers: Iterable[tuple[str, TokenIssuer]], *, presented: Callable[[Session], Session] | None = None
    ) -> None:
        self._issuers = tuple(issuers)
        self._presented = presented

    async def session(self, text: str) -> Session | None:
        """The session of a token; `None` if it does not hold, or nobody can tell. The log says why. Never raises."""
        try:
            token = SignedToken.parse(text)
        except TokenRejected as rejected:
            _log.info("A bearer token is not accepted: {trouble}", trouble=str(rejected))
            return None
        trouble = "its issuer (iss) is none of those that count"
        for provider, issuer in self._issuers:
            if not issuer.may_have_made(token):
                continue
            try:
                session = evolve(await issuer.session(text), provider=provider)
                return self._presented(session) if self._presented else session
            except Refusal as refusal:
                trouble = str(refusal)
        _log.info("A bearer token is not accepted: {trouble}", trouble=trouble)
        return None
