"""Somebody with a browser, as far as HTTP goes: keeps cookies by host and port, and follows redirects."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

from attrs import field, frozen


@frozen(kw_only=True)
class Answer:
    """What came back, and from where."""

    url: str
    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a field."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Visitor:
    """Asks for pages on this machine. Every host is looked for at 127.0.0.1, so no name needs to resolve."""

    def __init__(self) -> None:
        self.cookies: dict[str, dict[str, str]] = {}

    def jar(self, url: str) -> dict[str, str]:
        """The cookies for a URL's host and port."""
        return self.cookies.setdefault(urlsplit(url).netloc, {})

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        """One request, as a browser makes it when somebody follows a link."""
        return self._ask("GET", url, headers or {}, None)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """One request, as a browser makes it when somebody sends a form."""
        fields = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", url, fields, urlencode(form))

    def _ask(self, method: str, url: str, headers: Mapping[str, str], body: str | None) -> Answer:
        parts = urlsplit(url)
        jar = self.jar(url)
        fields = {"Host": parts.netloc, "Accept": "text/html,*/*;q=0.8", "Connection": "close"}
        if jar:
            fields["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=30)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, {**fields, **headers})
            response = connection.getresponse()
            answer = Answer(url=url, status=response.status, headers=response.getheaders(), body=response.read())
        finally:
            connection.close()
        self._keep(jar, answer)
        return answer

    def follow(self, url: str, limit: int = 15) -> Answer:
        """A request and all redirects behind it; the last answer."""
        for _ in range(limit):
            answer = self.get(url)
            location = answer.header("location")
            if answer.status not in (301, 302, 303, 307, 308) or location is None:
                return answer
            url = urljoin(url, location)
        raise AssertionError(f"more than {limit} redirects, the last to {url}")

    @staticmethod
    def _keep(jar: dict[str, str], answer: Answer) -> None:
        for name, value in answer.headers:
            if name.lower() != "set-cookie":
                continue
            for key, morsel in SimpleCookie(value).items():
                if not morsel.value or morsel["max-age"] == "0" or "1970" in morsel["expires"]:
                    jar.pop(key, None)
                else:
                    jar[key] = morsel.coded_value
