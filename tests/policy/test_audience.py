"""Tests of who is asking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.audience import expects_page, navigates


class Fields:
    """A request's fields, and nothing else."""

    def __init__(self, **fields: str | list[str]) -> None:
        self._fields = {
            name.replace("_", "-").encode(): [
                value.encode() for value in ([given] if isinstance(given, str) else given)
            ]
            for name, given in fields.items()
        }

    def header(self, name: bytes) -> bytes | None:
        return next(iter(self.values(name)), None)

    def values(self, name: bytes) -> list[bytes]:
        return self._fields.get(name, [])


class ExpectsPageTests(SynchronousTestCase):
    """A page is for people."""

    def test_pages(self) -> None:
        """Browsers that go to a page, and whoever gives no hint, get a page."""
        for fields in (
            Fields(),
            Fields(accept="*/*"),
            Fields(accept="text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            Fields(sec_fetch_mode="navigate", sec_fetch_dest="document"),
            Fields(sec_fetch_mode="navigate", sec_fetch_dest="iframe"),
            Fields(content_type="application/x-www-form-urlencoded"),
            Fields(accept="application/jsonp, application/json5"),
            Fields(x_requested_with="com.android.browser"),
        ):
            self.assertTrue(expects_page(fields), vars(fields))

    def test_scripts(self) -> None:
        """Scripts get a status, however they tell what they are (CONTRACT §10 #23)."""
        for fields in (
            Fields(accept="application/json"),
            Fields(accept="text/html, application/json"),
            Fields(accept="Application/JSON; charset=utf-8;q=0.5"),
            Fields(accept=["text/plain", "application/vnd.api+json"]),
            Fields(accept="text/event-stream"),
            Fields(content_type="application/json; charset=utf-8"),
            Fields(content_type="application/grpc"),
            Fields(content_type="application/grpc-web+proto"),
            Fields(x_requested_with="xmlhttprequest"),
            Fields(upgrade="websocket"),
            Fields(sec_fetch_mode="cors"),
            Fields(sec_fetch_mode="no-cors", sec_fetch_dest="image"),
            Fields(sec_fetch_mode="Same-Origin"),
            Fields(sec_fetch_dest="empty"),
            Fields(accept="text/html", sec_fetch_mode="websocket"),
        ):
            self.assertFalse(expects_page(fields), vars(fields))

    @given(st.text(alphabet="aj/;,= \té", max_size=20))
    def test_any_value(self, value: str) -> None:
        """Whatever a field holds, there is an answer."""
        fields = Fields(accept=value, content_type=value, sec_fetch_mode=value)
        self.assertIn(expects_page(fields), (True, False))


CHROMIUM_PAGE = {
    "accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8",
    "sec_fetch_mode": "navigate",
    "sec_fetch_dest": "document",
    "sec_fetch_site": "none",
    "sec_fetch_user": "?1",
    "upgrade_insecure_requests": "1",
}
CHROMIUM_SCRIPT = {
    "accept": "*/*",
    "sec_fetch_mode": "cors",
    "sec_fetch_dest": "empty",
    "sec_fetch_site": "same-origin",
}

SENT: tuple[tuple[str, Fields, bool, bool], ...] = (
    # what asks, with what it sends; gets a page; goes to a page beyond doubt
    ("Chromium, address bar", Fields(**CHROMIUM_PAGE), True, True),
    ("Chromium, plain http", Fields(accept=CHROMIUM_PAGE["accept"], upgrade_insecure_requests="1"), True, True),
    ("Firefox, a link", Fields(**CHROMIUM_PAGE | {"accept": "text/html,*/*;q=0.8", "priority": "u=0, i"}), True, True),
    (
        "Safari before 16.4",
        Fields(accept="text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        True,
        True,
    ),
    ("a form posted", Fields(**CHROMIUM_PAGE, content_type="application/x-www-form-urlencoded"), True, True),
    ("an upload posted", Fields(**CHROMIUM_PAGE, content_type="multipart/form-data; boundary=x"), True, True),
    ("an iframe", Fields(**CHROMIUM_PAGE | {"sec_fetch_dest": "iframe", "sec_fetch_site": "cross-site"}), True, True),
    ("an object", Fields(accept="*/*", sec_fetch_mode="navigate", sec_fetch_dest="object"), True, True),
    ("fetch()", Fields(**CHROMIUM_SCRIPT), False, False),
    ("fetch(), same-origin mode", Fields(**CHROMIUM_SCRIPT | {"sec_fetch_mode": "same-origin"}), False, False),
    ("fetch(), no-cors", Fields(**CHROMIUM_SCRIPT | {"sec_fetch_mode": "no-cors"}), False, False),
    ("fetch() for HTML (htmx, Turbo)", Fields(**CHROMIUM_SCRIPT | {"accept": "text/html"}), False, False),
    ("fetch() of JSON, plain http", Fields(accept="*/*", content_type="application/json"), False, False),
    ("XHR", Fields(**CHROMIUM_SCRIPT, x_requested_with="XMLHttpRequest"), False, False),
    (
        "XHR of jQuery, plain http",
        Fields(accept="text/html, */*; q=0.01", x_requested_with="XMLHttpRequest"),
        False,
        False,
    ),
    ("XHR of Angular, plain http", Fields(accept="application/json, text/plain, */*"), False, False),
    ("EventSource", Fields(**CHROMIUM_SCRIPT | {"accept": "text/event-stream"}), False, False),
    ("EventSource, plain http", Fields(accept="text/event-stream"), False, False),
    (
        "WebSocket, Chromium",
        Fields(upgrade="websocket", connection="Upgrade", sec_websocket_version="13"),
        False,
        False,
    ),
    ("WebSocket, Firefox", Fields(accept="*/*", upgrade="websocket", sec_fetch_mode="websocket"), False, False),
    ("h2c", Fields(upgrade="h2c", connection="Upgrade, HTTP2-Settings"), False, False),
    ("gRPC", Fields(content_type="application/grpc", te="trailers"), False, False),
    ("gRPC-web", Fields(accept="*/*", content_type="application/grpc-web+proto", x_grpc_web="1"), False, False),
    (
        "gRPC-web as text",
        Fields(accept="application/grpc-web-text", content_type="application/grpc-web-text"),
        False,
        False,
    ),
    ("Connect", Fields(accept="*/*", content_type="application/connect+json"), False, False),
    (
        "a service worker's script",
        Fields(accept="*/*", sec_fetch_mode="same-origin", sec_fetch_dest="serviceworker"),
        False,
        False,
    ),
    (
        "a shared worker's script",
        Fields(accept="*/*", sec_fetch_mode="same-origin", sec_fetch_dest="sharedworker"),
        False,
        False,
    ),
    (
        "a picture",
        Fields(accept="image/avif,image/webp,*/*;q=0.8", sec_fetch_mode="no-cors", sec_fetch_dest="image"),
        False,
        False,
    ),
    (
        "a style sheet",
        Fields(accept="text/css,*/*;q=0.1", sec_fetch_mode="no-cors", sec_fetch_dest="style"),
        False,
        False,
    ),
    ("a module", Fields(accept="*/*", sec_fetch_mode="cors", sec_fetch_dest="script"), False, False),
    ("a web manifest", Fields(accept="*/*", sec_fetch_mode="cors", sec_fetch_dest="manifest"), False, False),
    (
        "sendBeacon",
        Fields(accept="*/*", content_type="text/plain;charset=UTF-8", sec_fetch_mode="no-cors", sec_fetch_dest="empty"),
        False,
        False,
    ),
    (
        "a CSP report",
        Fields(accept="*/*", content_type="application/csp-report", sec_fetch_mode="no-cors", sec_fetch_dest="report"),
        False,
        False,
    ),
    (
        "a CORS preflight",
        Fields(accept="*/*", sec_fetch_mode="cors", sec_fetch_dest="empty", access_control_request_method="PUT"),
        False,
        False,
    ),
    ("a speculative prefetch of a page", Fields(**CHROMIUM_PAGE, sec_purpose="prefetch"), True, True),
    ("curl", Fields(accept="*/*", user_agent="curl/8.5.0"), True, False),
    ("curl -d @form", Fields(accept="*/*", content_type="application/x-www-form-urlencoded"), True, False),
    ("curl --json", Fields(accept="application/json", content_type="application/json"), False, False),
    ("Go's net/http", Fields(user_agent="Go-http-client/1.1", accept_encoding="gzip"), True, False),
    ("python-requests", Fields(accept="*/*", accept_encoding="gzip, deflate"), True, False),
    ("git", Fields(accept="*/*", git_protocol="version=2", user_agent="git/2.43.0"), True, False),
    ("MCP client", Fields(accept="application/json, text/event-stream", content_type="application/json"), False, False),
)


class SentTests(SynchronousTestCase):
    """What browsers, their scripts and other programs really send."""

    def test_sent(self) -> None:
        """Who gets a page, and who is taken to be a browser that goes to one."""
        for who, fields, page, navigation in SENT:
            self.assertEqual((expects_page(fields), navigates(fields)), (page, navigation), who)
