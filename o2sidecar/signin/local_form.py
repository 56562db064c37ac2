"""The form for local users on the sign-in page: a user and a password, and a session for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import field, frozen

from o2sidecar.http.exchange import Exchange
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.provenance import Admitting
from o2sidecar.policy.redirects import location
from o2sidecar.session.session import Session
from o2sidecar.signin.answers import Answers
from o2sidecar.signin.fields import Fields
from o2sidecar.signin.transaction import Onward


@frozen(kw_only=True)
class LocalForm:
    """Answers the form.

    `judge`: gives the session of a user with a password who is at an address, `None` if there is none; may raise a
    `Refusal`. `begun`: notes in it what a login tells. `client_address`: where a request comes from. `issue`: begins a
    session and gives the Set-Cookie values of it.
    """

    judge: Callable[[str, str, str], Awaitable[Session | None]]
    client_address: Callable[[Exchange], str]
    admission: Admitting
    answers: Answers
    issue: Callable[[Exchange, Session], Awaitable[list[bytes]]]
    begun: Callable[[Session], Session] = field(default=lambda session: session)

    async def answer(self, exchange: Exchange, form: Fields, redirect: str) -> None:
        """Send whoever has signed in to `redirect`; show the page again with 400 without a user, with 401 in vain.

        `form` is the body's alone: what stands in a URL stands in logs (CONTRACT §10 #24). Raises `BadRequest` for
        a repeated field, `Busy` when too many try at a time, `TooManyGuesses` when too many tried in vain.
        """
        user, password = form.one("username"), form.one("password")
        if not user:
            self.answers.sign_in(exchange, redirect, 400)
            return
        session = await self.judge(user, password, self.client_address(exchange))
        if session is None:
            exchange.reason = "password_wrong"
            self.answers.log(Outcome.FAILURE, exchange, user, "no such local user with this password")
            self.answers.sign_in(exchange, redirect, 401)
            return
        refusal = self.admission.refusal(session)
        if refusal is not None:
            self.answers.refuse(exchange, refusal, session.name, wanted=redirect)
            return
        set_cookies = await self.issue(exchange, self.begun(session))
        self.answers.log(Outcome.SUCCESS, exchange, session.name, "signed in as a local user")
        self.answers.send_on(exchange, Onward(location=location(redirect), set_cookies=tuple(set_cookies)))
