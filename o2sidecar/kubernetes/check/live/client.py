"""A small HTTP client for one-shot questions: no redirects are followed, no cookies kept, nothing waited for long."""

from __future__ import annotations

import ssl
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from attrs import field, frozen

TIMEOUT = 10.0
_MOST = 256 * 1024


class NoAnswer(Exception):
    """A site does not answer; the text says why."""


@frozen(kw_only=True)
class Answer:
    """What a site answered.

    Attributes:
        headers: names in lower case, with their values, in their order.
        body: its beginning.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: str = field(repr=False)

    def header(self, name: str) -> str:
        """The first value of a header; empty if there is none."""
        return next((value for known, value in self.headers if known == name), "")

    def cookies(self) -> list[str]:
        """The Set-Cookie lines."""
        return [value for name, value in self.headers if name == "set-cookie"]

    def seconds_off(self, now: float) -> float | None:
        """By how much its Date differs from this time; `None` if it says none."""
        try:
            return parsedate_to_datetime(self.header("date")).timestamp() - now
        except (ValueError, TypeError):
            return None

    @property
    def is_redirect(self) -> bool:
        """Whether it leads elsewhere."""
        return 300 <= self.status < 400 and bool(self.header("location"))


@frozen(kw_only=True)
class Client:
    """Asks sites; certificates are verified, by these authorities beside the system's.

    Attributes:
        ca_file: a file with authorities in PEM; empty: the system's only.
        timeout: for connecting, and for each piece of an answer.
    """

    ca_file: str = ""
    timeout: float = TIMEOUT

    def get(self, url: str, headers: dict[str, str] | None = None) -> Answer:
        """Ask; raises `NoAnswer`."""
        parts = urlsplit(url)
        connection = self._connection(parts)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            named = {"Host": parts.netloc, "User-Agent": "o2sidecar-check", **(headers or {})}
            connection.request("GET", target, headers=named)
            answer = connection.getresponse()
            return Answer(
                status=answer.status,
                headers=tuple((name.lower(), value) for name, value in answer.getheaders()),
                body=answer.read(_MOST).decode("utf-8", "replace"),
            )
        except (OSError, HTTPException, ValueError) as error:
            raise NoAnswer(f"{parts.netloc}: {_reason(error)}") from None
        finally:
            connection.close()

    def certificate_ends(self, url: str) -> float | None:
        """When the site's certificate ends, in seconds since 1970; `None` without TLS. Raises `NoAnswer`."""
        parts = urlsplit(url)
        if parts.scheme != "https":
            return None
        connection = self._connection(parts)
        try:
            connection.connect()
            held = connection.sock.getpeercert() if isinstance(connection.sock, ssl.SSLSocket) else None
        except OSError as error:
            raise NoAnswer(f"{parts.netloc}: {_reason(error)}") from None
        finally:
            connection.close()
        return ssl.cert_time_to_seconds(str(held["notAfter"])) if held else None

    def _connection(self, parts: SplitResult) -> HTTPConnection:
        host = parts.hostname or ""
        try:
            port = parts.port
        except ValueError:
            raise NoAnswer(f"{parts.netloc}: the port is none") from None
        if parts.scheme == "https":
            return HTTPSConnection(host, port, timeout=self.timeout, context=self._context())
        # RFC 6761 §6.3: such names are loopback, which not every resolver knows.
        return HTTPConnection("127.0.0.1" if host.endswith(".localhost") else host, port, timeout=self.timeout)

    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.ca_file:
            context.load_verify_locations(self.ca_file)
        return context


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate does not hold: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
