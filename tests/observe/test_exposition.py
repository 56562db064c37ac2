"""Tests of the metrics page: its form, its names, and that it shows nothing of anybody."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.limits import UpstreamLimits
from o2sidecar.http.upstream.pool import Pool
from o2sidecar.observe.counts import Counts, RequestCounts
from o2sidecar.observe.exposition import MetricsPage, Sources
from o2sidecar.observe.lines import LineWriter
from tests.wire import App, Listening

ROOT = Path(__file__).resolve().parents[2]
GET = b"GET /%b HTTP/1.1\r\nHost: a\r\n%b\r\n"


class Measured:
    """A public listener whose requests are counted, and the metrics listener beside it."""

    def __init__(self, act: Any = None, trouble: str = "", **limits: Any) -> None:
        self.public = Listening(act)
        self.counts = Counts(requests=RequestCounts(then=self.public.server.access, health_checks=[b"/ping"]))
        self.public.server.access = self.counts.requests.record
        self.app = App()
        self.pool = Pool(endpoint=self.app, limits=UpstreamLimits(), clock=Clock())
        self.lines = LineWriter(write=lambda data: None, clock=Clock())
        self.trouble = trouble
        self.store_trouble = ""
        self.page = MetricsPage(
            Sources(
                counts=self.counts,
                server=self.public.server,
                pools={"/": self.pool},
                lines=self.lines,
                provider="oidc",
                trouble=lambda: self.trouble,
                store_trouble=lambda: self.store_trouble,
            )
        )
        self.metrics = Listening(served=self.page, **limits)

    def text(self) -> str:
        """The page."""
        return self.page.text().decode()

    def numbers(self) -> dict[tuple[str, ...], float]:
        """Every sample: its name and its label values, in order, to its number."""
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(self.text())
            for sample in family.samples
        }


class PageTests(SynchronousTestCase):
    """What the metrics listener answers."""

    def test_any_path(self) -> None:
        """GET of any path gives the page, in the form that Prometheus reads (CONTRACT §1)."""
        measured = Measured()
        for path in (b"", b"metrics", b"x?y=z", b"ping"):
            answer = measured.metrics.ask(GET % (path, b""))
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
            self.assertIn(b"\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n", answer)
            self.assertIn(b"\n# TYPE oauth2_proxy_requests_in_flight gauge\n", answer)

    def test_head(self) -> None:
        """HEAD gives the head alone."""
        answer = Measured().metrics.ask(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"))
        self.assertTrue(answer.endswith(b"\r\n\r\n"))

    def test_other_methods(self) -> None:
        """Nothing else is served there, and what was sent is not given back."""
        answer = Measured().metrics.ask(b"DELETE /x-secret HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
        self.assertTrue(answer.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n"))
        self.assertIn(b"\r\nAllow: GET, HEAD\r\n", answer)
        self.assertNotIn(b"secret", answer)

    def test_scrapes_are_not_counted(self) -> None:
        """Who reads the numbers does not change them."""
        measured = Measured()
        before = measured.numbers()
        measured.metrics.ask(GET % (b"metrics", b"") * 3)
        after = measured.numbers()
        changed = {name for name in after if after[name] != before.get(name) and not name[0].startswith("process_")}
        self.assertEqual(changed, set())

    def test_a_slow_reader(self) -> None:
        """Who asks again and again and reads nothing gets no page more, and is cut off in the end."""
        measured = Measured(write_time=10)
        client = measured.metrics.client()
        client.stall()
        client.send(GET % (b"", b"") * 1000)
        self.assertEqual(client.take(), b"")
        measured.metrics.pass_time(11)
        self.assertTrue(client.aborted)

    def test_while_draining(self) -> None:
        """While the public side ends, the page tells of the requests that still run."""
        measured = Measured()
        client = measured.public.client()
        client.send(GET % (b"", b""))
        measured.public.server.drain()
        self.assertIn(b"\noauth2_proxy_requests_in_flight 1.0\n", measured.metrics.ask(GET % (b"", b"")))
        measured.public.exchanges[0].answer(200, [])
        self.assertIn(b"\noauth2_proxy_requests_in_flight 0.0\n", measured.metrics.ask(GET % (b"", b"")))


class NumbersTests(SynchronousTestCase):
    """What the numbers tell."""

    def test_as_oauth2_proxy(self) -> None:
        """Its three series have its labels, and its classes of durations with its bounds."""
        measured = Measured(lambda exchange: exchange.answer(403, []))
        measured.public.ask(GET % (b"x", b""))
        measured.public.ask(b"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n")
        text = measured.text()
        self.assertIn('\noauth2_proxy_requests_total{code="403"} 2.0\n', text)
        bounds = re.findall(r'response_duration_seconds_bucket\{le="([^"]+)",method="get"\} 1\.0\n', text)
        self.assertEqual(" ".join(bounds), "0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf")
        methods = re.findall(r'response_duration_seconds_count\{method="(\w+)"\} 1\.0\n', text)
        self.assertEqual(methods, ["get", "unknown"])

    def test_classes_include_those_below(self) -> None:
        """A class of durations counts all that took no longer."""
        measured = Measured()
        for seconds in (0.001, 0.3, 100.0):
            measured.counts.provider.durations.add(seconds)
        counts = re.findall(r"provider_request_duration_seconds_bucket\{.*\} (\d+)", measured.text())
        self.assertEqual(counts, [*["1"] * 5, "1", *["2"] * 5, "3"])
        self.assertIn('provider_request_duration_seconds_sum{provider="oidc"} 100.301\n', measured.text())

    def test_health_checks_are_not_counted(self) -> None:
        """As oauth2-proxy has it (CONTRACT §1)."""
        measured = Measured(lambda exchange: exchange.answer(200, [], b"OK"))
        measured.public.ask(GET % (b"ping", b""))
        self.assertNotIn("oauth2_proxy_requests_total{", measured.text())

    def test_in_flight_by_kind(self) -> None:
        """Requests with an app, those answered here, and tunnels are told apart; idle connections are none."""
        measured = Measured()
        clients = [measured.public.client() for _ in range(4)]
        for client in clients[:3]:
            client.send(GET % (b"", b"Connection: Upgrade\r\nUpgrade: websocket\r\n"))
        app, _, tunnel = measured.public.exchanges
        app.upstream = "/"
        tunnel.switch_protocols([])
        numbers = measured.numbers()
        for kind in ("app", "own", "tunnel"):
            self.assertEqual(numbers["o2sidecar_requests_in_flight", kind], 1, kind)
        self.assertEqual(numbers[("oauth2_proxy_requests_in_flight",)], 3)
        self.assertEqual(numbers[("o2sidecar_connections",)], 4)
        for client in clients:
            client.vanish()
        numbers = measured.numbers()
        self.assertEqual(numbers[("oauth2_proxy_requests_in_flight",)], 0)
        self.assertEqual(numbers[("o2sidecar_connections",)], 0)
        self.assertEqual(numbers[("o2sidecar_connections_accepted_total",)], 4)
        self.assertEqual(numbers["oauth2_proxy_requests_total", "101"], 1)
        self.assertEqual(numbers["oauth2_proxy_requests_total", "499"], 2)

    def test_refused_by_the_wire(self) -> None:
        """What is no request is counted like its line in the log: by status, and by a reason of ours."""
        measured = Measured()
        measured.public.ask(b"GET /alice HTTP/1.1\r\nX-Alice: alice\r\n\r\n")
        numbers = measured.numbers()
        self.assertEqual(numbers["oauth2_proxy_requests_total", "400"], 1)
        self.assertEqual(numbers["o2sidecar_refusals_total", "Host_is_missing"], 1)

    def test_apps(self) -> None:
        """Connections to an app, by its id: busy and idle, made, used again, and not made."""
        measured = Measured()
        measured.pool.open()
        measured.app.accepts = False
        measured.pool.open().addErrback(lambda failure: None)
        measured.app.refuse()
        numbers = measured.numbers()
        self.assertEqual(numbers["o2sidecar_upstream_connections", "busy", "/"], 1)
        self.assertEqual(numbers["o2sidecar_upstream_connections", "idle", "/"], 0)
        for what, count in (("opened", 1), ("reused", 0), ("failed", 1)):
            self.assertEqual(numbers[f"o2sidecar_upstream_connections_{what}_total", "/"], count, what)

    def test_whether_people_can_sign_in(self) -> None:
        """The provider's trouble is a 0, and its words stay in the log."""
        measured = Measured(trouble="https://idp.example cannot be reached")
        self.assertIn('\no2sidecar_provider_ready{provider="oidc"} 0.0\n', measured.text())
        self.assertNotIn("idp.example", measured.text())
        measured.trouble = ""
        self.assertIn('\no2sidecar_provider_ready{provider="oidc"} 1.0\n', measured.text())

    def test_whether_sessions_can_be_looked_up(self) -> None:
        """The store's trouble is a 0, and where the store is stays in the log."""
        measured = Measured()
        self.assertIn("\no2sidecar_session_store_ready 1.0\n", measured.text())
        measured.store_trouble = "Redis at sessions.example: no answer"
        self.assertIn("\no2sidecar_session_store_ready 0.0\n", measured.text())
        self.assertNotIn("sessions.example", measured.text())

    def test_nothing_of_a_client(self) -> None:
        """Whatever a client sends, no word of it is on the page (X4, X6)."""
        measured = Measured(lambda exchange: exchange.answer(200, []))
        for message in (
            b'SPY"}\n HTTP/1.1\r\n\r\n',
            b"SPY /spy HTTP/1.1\r\nHost: spy\r\nUser-Agent: spy\r\nCookie: _oauth2_proxy=spy\r\n\r\n",
            b"GET /spy?code=spy HTTP/1.1\r\nHost: spy\r\nX-Request-Id: spy\r\n\r\n",
            b"GET spy HTTP/9.9\r\nspy\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: spy\r\n\r\n",
        ):
            measured.public.ask(message)
        self.assertNotIn("spy", measured.text().lower())


class NamesTests(SynchronousTestCase):
    """Names and labels are promises, told of in the docs and used by the alerts."""

    def setUp(self) -> None:
        """The page of a sidecar that has seen a refused request."""
        measured = Measured(lambda exchange: exchange.answer(403, []))
        measured.public.ask(GET % (b"", b""))
        self.samples: dict[str, list[dict[str, str]]] = {}
        self.families: dict[str, str] = {}
        for family in text_string_to_metric_families(measured.text()):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            self.families[name] = family.type
            for sample in family.samples:
                self.samples.setdefault(sample.name, []).append(sample.labels)

    def test_documented(self) -> None:
        """docs/metrics.md has a line for each series, with its type and labels, and for no other."""
        text = (ROOT / "docs" / "metrics.md").read_text("utf-8")
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", text, re.MULTILINE)
        self.assertEqual(len(rows), len({name for name, _, _ in rows}))
        told = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
        served = {
            name: (kind, set(self.samples[f"{name}_count" if kind == "histogram" else name][0]))
            for name, kind in self.families.items()
            if not name.startswith("process_")
        }
        self.assertEqual(told, served)
        for name in self.families.keys() - served.keys():
            self.assertIn(f"`{name}`", text)

    def test_alerts(self) -> None:
        """The rules in examples/alerts.yaml ask for series, labels and values that there are."""
        rules = yaml.safe_load((ROOT / "examples" / "alerts.yaml").read_text("utf-8"))["groups"][0]["rules"]
        for rule in rules:
            asked = re.findall(r"(o2sidecar_\w+)(?:\{(\w+)=~?\"([^\"]+)\"\})?", rule["expr"])
            self.assertTrue(asked, rule)
            for name, label, values in asked:
                self.assertIn(name, self.samples, rule["alert"])
                for value in values.split("|") if label else ():
                    found = any(re.fullmatch(value, labels[label]) for labels in self.samples[name])
                    self.assertTrue(found, (rule["alert"], label, value))
