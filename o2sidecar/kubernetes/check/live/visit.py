"""Plays the way to the provider against a running site, as a browser without a session would; nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urljoin, urlsplit

from attrs import define, field

from o2sidecar.kubernetes.check.live import statements as said
from o2sidecar.kubernetes.check.live.client import Answer, Client, NoAnswer
from o2sidecar.kubernetes.check.rule import Statement
from o2sidecar.kubernetes.findings import Finding, Place

_STRANGER = "o2sidecar-check.invalid"
_BROWSER = {"Accept": "text/html"}
_IDENTITY = {
    f"X-{family}-{name}": f"spoof@{_STRANGER}"
    for family in ("Forwarded", "Auth-Request")
    for name in ("User", "Email", "Groups", "Preferred-Username")
}
_METRICS = ("# HELP ", "oauth2_proxy_", "o2sidecar_")
_METRICS_PORT = 44180
_SOON = 14 * 86_400
_CLOCK_MAY_DIFFER = 60
_LONGEST_TARGET = 4096
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def visit(
    url: str, *, ca_file: str | None = None, prefix: str = "/oauth2", clock: Callable[[], float] = time.time
) -> list[Finding]:
    """What is wrong with a site; raises `ValueError` for what is no address of one."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username is not None:
        raise ValueError(f"--live wants the address of a site, https://HOST/, not {url!r}")
    root = f"{parts.scheme}://{parts.netloc}"
    page = urljoin(root, parts.path or "/")
    return _Visit(root=root, page=page, prefix=prefix, client=Client(ca_file=ca_file or ""), clock=clock).findings()


@define(kw_only=True)
class _Visit:
    """One visit under way."""

    root: str
    page: str
    prefix: str
    client: Client
    clock: Callable[[], float]
    found: list[Finding] = field(factory=list)

    def findings(self) -> list[Finding]:
        """Ask all questions; if the site does not answer at all, only that is said."""
        try:
            self._certificate()
            first = self.client.get(self.page, _BROWSER)
        except NoAnswer as problem:
            self._say(said.UNREACHABLE, str(problem))
            return self.found
        questions = (self._start, self._spoof, self._sign_out, self._metrics)
        self._first(first)
        for question in questions:
            try:
                question()
            except NoAnswer as problem:
                self._say(said.BROKEN, str(problem))
        return self.found

    def _say(self, statement: Statement, sentence: str) -> None:
        self.found.append(
            Finding(
                severity=statement.severity,
                sentence=f"{sentence.rstrip('.')}. {statement.mend}",
                place=Place(name=self.root),
                rule=statement.id,
            )
        )

    def _own(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """The answer of one of the proxy's own endpoints."""
        return self.client.get(f"{self.root}{self.prefix}/{path}", headers or _BROWSER)

    def _certificate(self) -> None:
        ends = self.client.certificate_ends(self.root)
        if ends is None:
            if not _on_this_machine(urlsplit(self.root).hostname):
                self._say(said.PLAIN, "http instead of https")
        elif ends - self.clock() < _SOON:
            self._say(said.EXPIRES, f"the certificate ends in {max(ends - self.clock(), 0) / 86_400:.0f} days")

    def _first(self, answer: Answer) -> None:
        self._judge_page(answer, "without a session")
        off = answer.seconds_off(self.clock())
        if off is not None and abs(off) > _CLOCK_MAY_DIFFER:
            self._say(said.CLOCK, f"the site's clock is {abs(off):.0f} seconds {'ahead' if off > 0 else 'behind'}")

    def _judge_page(self, answer: Answer, how: str) -> None:
        """A page for people: 401 or 403 with a button, or on to a sign-in."""
        if 200 <= answer.status < 300:
            self._say(said.OPEN, f"{self.page} answers {answer.status} {how}")
        elif answer.status >= 500 or answer.status == 404:
            self._say(said.BROKEN, f"{self.page} answers {answer.status} {how}")

    def _start(self) -> None:
        answer = self._own("start?rd=%2F")
        target = answer.header("location")
        asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        missing = [name for name in ("client_id", "redirect_uri", "state") if not asked.get(name)]
        if not answer.is_redirect or missing:
            lacking = f" without {', '.join(missing)}" if answer.is_redirect else ""
            self._say(said.NO_START, f"{self.prefix}/start answers {answer.status}{lacking}")
            return
        if len(target) > _LONGEST_TARGET:
            self._say(said.NO_START, f"the way to the provider is {len(target)} characters long, which many refuse")
        self._callback(asked["redirect_uri"], answer)
        if asked.get("code_challenge_method") != "S256":
            self._say(said.UNPROTECTED, "there is no code_challenge of the method S256")
        for line in answer.cookies():
            self._cookie(line)
        self._stranger_as_host()
        self._provider(target, asked["redirect_uri"])

    def _callback(self, callback: str, answer: Answer) -> None:
        ours, theirs = urlsplit(self.root), urlsplit(callback)
        if theirs.scheme != "https" and not _on_this_machine(theirs.hostname) and ours.scheme == "https":
            self._say(said.WRONG_CALLBACK, f"the callback {callback} is no https")
        if not theirs.path.startswith(f"{self.prefix}/"):
            self._say(said.WRONG_CALLBACK, f"the callback {callback} is not below {self.prefix}/")
        if theirs.hostname != ours.hostname and not any(
            _reaches(line, theirs.hostname or "") for line in answer.cookies()
        ):
            self._say(said.WRONG_CALLBACK, f"the cookie of this sign-in does not reach its callback {callback}")

    def _cookie(self, line: str) -> None:
        name, *attributes = [part.strip().lower() for part in line.split(";")]
        if "=" not in name or not name.partition("=")[2]:
            return
        secure = urlsplit(self.root).scheme == "https"
        wanted = ["httponly", *(["secure"] if secure else [])]
        missing = [word for word in wanted if word not in attributes]
        if not any(attribute.startswith("samesite=") for attribute in attributes):
            missing.append("samesite")
        if missing:
            self._say(said.COOKIE, f"the cookie {line.partition('=')[0]} lacks {', '.join(missing)}")

    def _stranger_as_host(self) -> None:
        forged = {**_BROWSER, "X-Forwarded-Host": _STRANGER, "X-Forwarded-Uri": "/", "Forwarded": f"host={_STRANGER}"}
        asked = parse_qs(urlsplit(self._own("start?rd=%2F", forged).header("location")).query)
        if any(_STRANGER in value for value in asked.get("redirect_uri", [])):
            self._say(said.BELIEVED, "X-Forwarded-Host from outside ends up in the callback")

    def _provider(self, target: str, callback: str) -> None:
        where = urlsplit(target)
        try:
            status = self.client.get(urljoin(self.root, target), _BROWSER).status
        except NoAnswer as problem:
            self._say(said.PROVIDER, f"the provider does not answer: {problem}")
            return
        if status >= 400:
            self._say(said.PROVIDER, f"{where.netloc} answers {status} to a sign-in with the callback {callback}")

    def _spoof(self) -> None:
        status = self._own("auth", dict(_IDENTITY)).status
        if 200 <= status < 300:
            self._say(said.SPOOFED, f"{self.prefix}/auth answers {status} to made-up identity headers")
        answer = self.client.get(self.page, {**_BROWSER, **_IDENTITY})
        if 200 <= answer.status < 300:
            self._say(said.SPOOFED, f"{self.page} answers {answer.status} to made-up identity headers")
        elif _STRANGER in answer.body or any(_STRANGER in value for _, value in answer.headers):
            self._say(said.SPOOFED, f"{self.page} shows the made-up name")

    def _sign_out(self) -> None:
        answer = self._own(f"sign_out?rd=https%3A%2F%2F{_STRANGER}%2F")
        if answer.status in (404, 405, 501) or answer.status >= 500:
            self._say(said.SIGN_OUT, f"{self.prefix}/sign_out answers {answer.status}")
        if urlsplit(answer.header("location")).hostname == _STRANGER:
            self._say(said.LEADS_AWAY, f"{self.prefix}/sign_out leads to any address in rd")

    def _metrics(self) -> None:
        for address in self._metrics_addresses():
            try:
                answer = self.client.get(address)
            except NoAnswer:
                continue  # as it should be
            if answer.status == 200 and any(word in answer.body for word in _METRICS):
                self._say(said.METRICS, f"{address} tells them everybody")

    def _metrics_addresses(self) -> Iterator[str]:
        parts = urlsplit(self.root)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        yield f"{self.root}/metrics"
        # On this machine's own loopback the port is no secret.
        if not _on_this_machine(parts.hostname):
            yield f"http://{host}:{_METRICS_PORT}/metrics"


def _on_this_machine(host: str | None) -> bool:
    return host in _LOOPBACK or (host or "").endswith(".localhost")


def _reaches(line: str, host: str) -> bool:
    """Whether a cookie is sent to a host, by its Domain."""
    for attribute in line.split(";")[1:]:
        name, _, value = attribute.strip().partition("=")
        if name.lower() == "domain":
            bare = value.strip().lstrip(".").lower()
            return host == bare or host.endswith("." + bare)
    return False
