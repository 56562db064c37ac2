"""Tests of who is asking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.policy.audience import expects_page


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
