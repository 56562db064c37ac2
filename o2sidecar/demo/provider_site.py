"""The demo provider's web face: discovery, keys, the page where one picks a person, tokens, userinfo, sign-out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from klein import Klein
from twisted.web.http import Request
from twisted.web.resource import Resource

from o2sidecar.demo.pages import Pages
from o2sidecar.demo.people import PEOPLE, Person
from o2sidecar.demo.provider import AuthorizationRequest, DemoProvider, RequestRefused, TokenRefused

_MOST_FIELDS = 50
_KEPT_FIELDS = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
)
"""What the page hands on from the request to the pick; it is checked again then."""


class ProviderSite:
    """The provider as a Klein tree; `resource` is its root. `app`: what people are told that they sign in to."""

    router = Klein()

    def __init__(self, *, provider: DemoProvider, pages: Pages, app: str, people: Iterable[Person] = PEOPLE) -> None:
        self._provider = provider
        self._pages = pages
        self._app = app
        self._people = {person.subject: person for person in people}

    def resource(self) -> Resource:
        """The tree's root."""
        root: Resource = self.router.resource()
        return root

    @router.route("/.well-known/openid-configuration", methods=["GET"])
    def discovery(self, request: Request) -> bytes:
        """OpenID Connect Discovery §4."""
        return _json(request, 200, self._provider.metadata())

    @router.route("/jwks", methods=["GET"])
    def jwks(self, request: Request) -> bytes:
        """RFC 7517 §5."""
        return _json(request, 200, self._provider.jwks())

    @router.route("/authorize", methods=["GET"])
    def authorize(self, request: Request) -> bytes:
        """The page where one picks who to be, or a redirect that says what is wrong with the request."""
        query = _fields(request.uri.partition(b"?")[2])
        try:
            asked = self._provider.authorization_request(query)
        except RequestRefused as refused:
            return self._notice(request, 400, "This sign-in cannot go on", str(refused))
        if asked.error:
            return _redirect(request, asked, {"error": asked.error})
        kept = [(name, query[name][0]) for name in _KEPT_FIELDS if name in query]
        people = list(self._people.values())
        page = self._pages.page("pick", app=self._app, people=people, request=kept)
        return self._answer(request, 200, page, [_origin(uri) for uri in self._provider.client.redirect_uris])

    @router.route("/authorize", methods=["POST"])
    def picked(self, request: Request) -> bytes:
        """A person was picked: back to the client with a code, or with the word for what is wrong."""
        form = _form(request)
        try:
            asked = self._provider.authorization_request(form)
        except RequestRefused as refused:
            return self._notice(request, 400, "This sign-in cannot go on", str(refused))
        person = self._people.get((form.get("person") or [""])[0])
        if asked.error or person is None:
            return _redirect(request, asked, {"error": asked.error or "access_denied"})
        return _redirect(request, asked, {"code": self._provider.issue_code(asked, person)})

    @router.route("/token", methods=["POST"])
    def token(self, request: Request) -> bytes:
        """RFC 6749 §5.1 and §5.2."""
        try:
            return _json(request, 200, self._provider.token_response(_form(request), _basic(request)))
        except TokenRefused as refused:
            if refused.status == 401:
                request.setHeader("WWW-Authenticate", 'Basic realm="demo"')
            return _json(request, refused.status, _error(refused))

    @router.route("/userinfo", methods=["GET", "POST"])
    def userinfo(self, request: Request) -> bytes:
        """OpenID Connect Core §5.3, the token in the Authorization field (RFC 6750 §2.1)."""
        scheme, _, token = (request.getHeader("authorization") or "").partition(" ")
        try:
            return _json(request, 200, self._provider.userinfo(token if scheme.lower() == "bearer" else ""))
        except TokenRefused as refused:
            request.setHeader("WWW-Authenticate", f'Bearer error="{refused.error}"')
            return _json(request, refused.status, _error(refused))

    @router.route("/end_session", methods=["GET", "POST"])
    def end_session(self, request: Request) -> bytes:
        """RP-Initiated Logout §2; nobody stays signed in at this provider, so there is nothing to end."""
        parameters = _form(request) if request.method == b"POST" else _fields(request.uri.partition(b"?")[2])
        target = self._provider.after_sign_out(parameters)
        if not target:
            return self._notice(request, 200, "You are signed out", "You can close this page.")
        if state := (parameters.get("state") or [""])[0]:
            target += f"?{urlencode({'state': state})}"
        request.setResponseCode(303)
        request.setHeader("Location", target)
        return b""

    def _notice(self, request: Request, status: int, heading: str, sentence: str) -> bytes:
        return self._answer(request, status, self._pages.page("notice", heading=heading, sentence=sentence))

    def _answer(self, request: Request, status: int, page: bytes, form_targets: Iterable[str] = ()) -> bytes:
        request.setResponseCode(status)
        for name, value in self._pages.fields(form_targets):
            request.setHeader(name, value)
        return page


def _redirect(request: Request, asked: AuthorizationRequest, answer: Mapping[str, str]) -> bytes:
    """RFC 6749 §4.1.2; 303, so that the browser does not send the form on (RFC 9700 §4.12)."""
    request.setResponseCode(303)
    request.setHeader("Location", f"{asked.redirect_uri}?{urlencode({**answer, 'state': asked.state})}")
    request.setHeader("Cache-Control", "no-store")
    return b""


def _json(request: Request, status: int, value: Mapping[str, Any]) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", "application/json")
    request.setHeader("Cache-Control", "no-store")
    return json.dumps(value).encode()


def _error(refused: TokenRefused) -> dict[str, str]:
    return {"error": refused.error, "error_description": refused.description}


def _form(request: Request) -> dict[str, list[str]]:
    assert request.content is not None
    return _fields(request.content.read())


def _fields(encoded: bytes) -> dict[str, list[str]]:
    """Form fields by name; none of them if there are too many or they are no text."""
    try:
        return parse_qs(encoded.decode("ascii"), max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        return {}


def _basic(request: Request) -> tuple[str, str] | None:
    """The client's credentials from the Authorization field (RFC 6749 §2.3.1), if it has some."""
    if not request.getHeader("authorization"):
        return None
    user, password = request.getUser(), request.getPassword()
    return unquote_plus(user.decode("utf-8", "replace")), unquote_plus(password.decode("utf-8", "replace"))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
