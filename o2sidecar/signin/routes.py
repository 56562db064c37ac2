"""The own endpoints, a Klein tree: start, callback, sign_in, sign_out, auth, userinfo, static (CONTRACT §1), more."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, ClassVar
from urllib.parse import quote

from attrs import frozen
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from o2sidecar.http.exchange import PLAIN_TEXT, Exchange, HeaderFields
from o2sidecar.http.listener.request_body import too_large
from o2sidecar.http.twisted_web.resources import exchange_of
from o2sidecar.identity import Identity
from o2sidecar.observe.records import Outcome
from o2sidecar.policy.audience import expects_page
from o2sidecar.policy.redirects import location
from o2sidecar.providers.registrations import Registration
from o2sidecar.refusals import Refusal
from o2sidecar.session.session import Session
from o2sidecar.signin.answers import Answers, keep_out_of_caches
from o2sidecar.signin.destinations import Destinations
from o2sidecar.signin.fields import Fields, form_fields, submitted_fields
from o2sidecar.signin.local_form import LocalForm
from o2sidecar.signin.own_pages import is_own
from o2sidecar.signin.recovery import Recovery
from o2sidecar.signin.session_life import SessionLife
from o2sidecar.signin.signing_out import SigningOut
from o2sidecar.signin.transaction import Logins, Onward

_LONGEST_GROUPS = 500
"""Characters of a person's groups that go into the log."""

_Handler = Callable[[Exchange, bytes], Coroutine[Deferred[Any], Any, None]]
_JSON: HeaderFields = [(b"Content-Type", b"application/json")]


@frozen(kw_only=True)
class SignIn:
    """The own endpoints.

    `current`: gives the session of a request if it may pass, renewed if that is due; takes its cookies otherwise.
    `end`: ends the session of a request and has the answer delete its cookies. `take_cookies`: has an answer delete the
    session cookies that its request brought. `public`: whether a request needs no session. `auth`: the auth
    endpoint.
    `signing_out`: what follows then at the provider. `recovery`: completes logins. `session_life`: tells how long a
    session lasts. `body_limit`: most bytes of a form. `local_form`: answers the form of local users, where there are
    some.
    """

    logins: Logins
    recovery: Recovery
    session_life: SessionLife
    answers: Answers
    destinations: Destinations
    current: Callable[[Exchange], Awaitable[Identity | None]]
    end: Callable[[Exchange], Awaitable[Session | None]]
    take_cookies: Callable[[Exchange], None]
    public: Callable[[Exchange], bool]
    auth: IResource
    signing_out: SigningOut
    body_limit: int = 65536
    local_form: LocalForm | None = None

    router: ClassVar[Klein] = Klein()
    _log: ClassVar[Logger] = Logger()

    def resource(self) -> IResource:
        """The tree, to be rendered with the whole path of a request, the prefix included."""
        return Mounted(self.destinations.prefix, self.router.resource())

    @router.route("/start")
    def start(self, request: Request) -> Deferred[None]:
        """Send the browser to the provider."""
        return self._answer(request, self._start)

    @router.route("/callback")
    def callback(self, request: Request) -> Deferred[None]:
        """Take the provider's answer and send the browser to the page that was wanted."""
        return self._answer(request, self._callback)

    @router.route("/callback/<registration>")
    def callback_of_one(self, request: Request, registration: str) -> Deferred[None]:
        """The same for a provider that has a callback of its own."""
        known = self.logins.registrations.has_segment(registration)
        return self._answer(request, self._callback if known else self._nothing)

    @router.route("/sign_in")
    def sign_in(self, request: Request) -> Deferred[None]:
        """Show the sign-in page, or go on to the provider at once."""
        return self._answer(request, self._sign_in)

    @router.route("/sign_out")
    def sign_out(self, request: Request) -> Deferred[None]:
        """End the session of this browser."""
        return self._answer(request, self._sign_out)

    @router.route("/userinfo")
    def userinfo(self, request: Request) -> Deferred[None]:
        """Say who is signed in."""
        return self._answer(request, self._userinfo)

    @router.route("/session")
    def session(self, request: Request) -> Deferred[None]:
        """Say how long the session lasts, to the scripts of a page."""
        return self._answer(request, self._session)

    @router.route("/renewed")
    def renewed(self, request: Request) -> Deferred[None]:
        """Tell the page that opened this window that there is a session."""
        return self._answer(request, self._renewed)

    @router.route("/static/", branch=True)
    def static(self, request: Request) -> Deferred[None]:
        """There are no files: our pages bring along what they need."""
        return self._answer(request, self._nothing)

    @router.route("/auth")
    def auth_only(self, request: Request) -> IResource:
        """Say whether a request may pass, to a proxy in front that asks."""
        return self.auth

    async def _start(self, exchange: Exchange, body: bytes) -> None:
        fields = self._submitted(exchange, body)
        prompt = "select_account" if fields.first("prompt") == "select_account" else ""
        redirect = self.destinations.of(exchange, fields)
        await self.answers.begin(exchange, redirect, fields, prompt=prompt)

    async def _callback(self, exchange: Exchange, body: bytes) -> None:
        # A HEAD must not spend the code that its GET brings; nothing but these two is an answer of a provider.
        if exchange.method not in (b"GET", b"POST"):
            exchange.answer(405, [*PLAIN_TEXT, (b"Allow", b"GET, POST")], b"Method Not Allowed\n")
            return
        fields = self._submitted(exchange, body)
        try:
            onward = await self.recovery.complete(exchange, fields)
        except Refusal as refusal:
            self.answers.refuse(exchange, refusal, wanted=self.logins.wanted(fields))
            return
        if onward.session is not None:
            self.answers.log(Outcome.SUCCESS, exchange, onward.session.name, f"signed in: {_summary(onward.session)}")
        self.answers.send_on(exchange, onward)

    async def _sign_in(self, exchange: Exchange, body: bytes) -> None:
        fields = self._submitted(exchange, body)
        redirect = self.destinations.of(exchange, fields)
        if self.local_form is not None and exchange.method == b"POST":
            # This form needs no cookie, so SameSite keeps nobody from having it sent (login CSRF).
            if is_own(exchange, self.answers.forwarding) is False:
                raise _across_sites("cross_site_sign_in", "Another site tried to sign you in. Please do it here.")
            await self.local_form.answer(exchange, form_fields(exchange, body), redirect)
        elif self.answers.skip_provider_button:
            self.take_cookies(exchange)
            await self.answers.begin(exchange, redirect, fields)
        else:
            self.answers.sign_in(exchange, redirect, 200)

    async def _sign_out(self, exchange: Exchange, body: bytes) -> None:
        fields = self._submitted(exchange, body)
        if _is_from_elsewhere(exchange):
            raise _across_sites("cross_site_sign_out", "Another site tried to sign you out. You are still signed in.")
        redirect = self.destinations.of(exchange, fields, own_endpoints=True)
        session = await self.end(exchange)
        self.logins.forget(exchange)
        id_token = session.id_token if session else ""
        if session is not None:
            registration = self.logins.registrations.of(session)
            if registration and registration.backend_logout_url:
                await self._tell_backend(registration, id_token)
            self.answers.log(Outcome.SUCCESS, exchange, session.name, "signed out")
            await self.signing_out.revoke(session)
            onward = await self.signing_out.onward(exchange, session, redirect)
            if onward is not None and "{id_token}" not in redirect:
                self.answers.send_on(exchange, onward)
                return
        if redirect == "/" and self.answers.skip_provider_button and expects_page(exchange):
            # The page that they came from would send them to the provider, which would sign them in again.
            self.answers.signed_out(exchange, redirect)
        else:
            self.answers.send_on(exchange, Onward(location=location(_with_token(redirect, id_token))))

    async def _tell_backend(self, registration: Registration, id_token: str) -> None:
        try:
            await registration.ask(_with_token(registration.backend_logout_url, id_token))
        except Exception as error:
            # Signing out here goes on; the URL holds a token and stays out of the log.
            self._log.error("the backend_logout_url failed: {kind}", kind=type(error).__name__)

    async def _userinfo(self, exchange: Exchange, body: bytes) -> None:
        identity = await self.current(exchange)
        if identity is not None:
            exchange.answer(200, _JSON, json.dumps(_told(identity.session), default=str).encode("ascii"))
        elif self.public(exchange):
            exchange.answer(200, _JSON, b"{}")
        else:
            exchange.reason = "no_session"
            exchange.answer(401, PLAIN_TEXT, b"Unauthorized\n")

    async def _session(self, exchange: Exchange, body: bytes) -> None:
        await self.session_life.answer(exchange)

    async def _renewed(self, exchange: Exchange, body: bytes) -> None:
        self.answers.renewed(exchange, await self.session_life.look(exchange) is not None)

    async def _nothing(self, exchange: Exchange, body: bytes) -> None:
        exchange.answer(404, PLAIN_TEXT, b"Not Found\n")

    def _submitted(self, exchange: Exchange, body: bytes) -> Fields:
        if len(body) > self.body_limit:
            raise too_large()
        return submitted_fields(exchange, body, self.destinations.semicolons)

    def _answer(self, request: Request, handle: _Handler) -> Deferred[None]:
        """Have a request answered, whatever happens on the way."""
        exchange = exchange_of(request)
        keep_out_of_caches(exchange)
        # The resource has the body already: it was taken off the exchange, or gathered by twisted.web.
        answered = Deferred.fromCoroutine(handle(exchange, _beginning(request, self.body_limit + 1)))
        return answered.addErrback(self._failed, exchange)

    def _failed(self, failure: Failure, exchange: Exchange) -> None:
        # Klein cancels what nobody waits for any more.
        if failure.check(CancelledError) is None:
            self.answers.broken(exchange, failure)


class Mounted(Resource):
    """Puts a tree below a prefix, as parent resources would: the segments of the prefix are consumed on the way."""

    isLeaf = True

    def __init__(self, prefix: str, tree: IResource) -> None:
        super().__init__()
        self._depth = prefix.count("/")
        self._tree = tree

    def render(self, request: Request) -> Any:
        """Render the tree; the site gives nothing to this resource but what is below the prefix."""
        segments = request.postpath or []
        request.prepath = [*(request.prepath or []), *segments[: self._depth]]
        request.postpath = segments[self._depth :]
        return self._tree.render(request)


def _beginning(request: Request, length: int) -> bytes:
    """At most so many bytes of a request's body."""
    if request.content is None:
        return b""
    request.content.seek(0)
    return bytes(request.content.read(length))


def _is_from_elsewhere(exchange: Exchange) -> bool:
    """Whether another site's page asks, by a picture, a frame or a form, and not a person who follows a link.

    Fetch Metadata §3. Browsers that do not send it are kept from harm by SameSite (security.md L1).
    """
    if exchange.header(b"sec-fetch-site") != b"cross-site":
        return False
    followed = (exchange.header(b"sec-fetch-mode"), exchange.header(b"sec-fetch-dest")) == (b"navigate", b"document")
    return exchange.method != b"GET" or not followed


def _across_sites(reason: str, sentence: str) -> Refusal:
    return Refusal(reason=reason, sentence=sentence, detail="a foreign page asked for it, not a person", status=403)


def _with_token(text: str, id_token: str) -> str:
    """A logout URL with its placeholder replaced (RP-Initiated Logout 1.0 §2, id_token_hint)."""
    return text.replace("{id_token}", quote(id_token, safe=""))


def _told(session: Session) -> dict[str, Any]:
    """What the browser may know of its session: never a token (Pomerium's CVE-2024-39315, security.md X5)."""
    told: dict[str, Any] = {"user": session.user, "email": session.email}
    if session.groups:
        told["groups"] = list(session.groups)
    if session.preferred_username:
        told["preferredUsername"] = session.preferred_username
    if session.additional_claims:
        told["additionalClaims"] = dict(session.additional_claims)
    return told


def _summary(session: Session) -> str:
    """Who it is, and which tokens exist, for the log."""
    kinds = ("access_token", "id_token", "refresh_token")
    tokens = [kind for kind in kinds if getattr(session, kind)]
    groups = ",".join(session.groups)[:_LONGEST_GROUPS]
    provider = f" provider={session.provider}" if session.provider else ""
    return f"email={session.email} user={session.user} groups={groups} tokens={','.join(tokens)}{provider}"
