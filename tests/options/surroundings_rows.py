"""The options of listeners, health checks, the log and the way to the app."""

from __future__ import annotations

import ssl
from collections.abc import Mapping

from attrs import evolve

from tests.http.listener.tls_client import TlsClient
from tests.options.probes import app_sees, logged, status, warned
from tests.options.row import REFUSED, Probe, Row, row
from tests.options.world import APP_OVER_TLS, World

CERTIFIED = {"tls_cert_file": "{folder}/cert.pem", "tls_key_file": "{folder}/key.pem"}
METRICS_AT = {"metrics_secure_address": "127.0.0.1:9443"}
METRICS_CERTIFIED = {"metrics_tls_cert_file": "{folder}/cert.pem", "metrics_tls_key_file": "{folder}/key.pem"}
APP_BY_TLS = {"upstreams": f"https://127.0.0.1:{APP_OVER_TLS}/"}
OWN = {"upstream_client_cert_file": "{folder}/own-cert.pem", "upstream_client_key_file": "{folder}/own-key.pem"}
TRUSTED = {**APP_BY_TLS, "upstream_ca_files": "{folder}/ca.pem"}
OTHER_SUITE = "ECDHE-RSA-AES256-GCM-SHA384"
SUITE = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"


def _listens(world: World) -> list[tuple[str, int]]:
    return [(interface, port) for port, _, _, interface in world.clock.tcpServers]


def _over_tls(version: ssl.TLSVersion, ciphers: str = "", *, metrics: bool = False) -> Probe:
    """The version that a handshake comes to, or that it fails; with the listener for metrics, or else for requests."""

    def probe(world: World) -> object:
        server = world.clock.tcpServers[-1][1] if metrics else world.server
        client = TlsClient(server, world.clock, version=version, ciphers=ciphers)
        try:
            client.shake_hands()
        except ssl.SSLError:
            return "no handshake"
        return client.facts[0]

    return probe


def _of_the_app(world: World) -> bytes:
    """Of which kind the answer is where the metrics listener has the app's health check."""
    return b"".join(world.ask_metrics("/probe/app/liveness").values(b"content-type"))


def _ended(world: World) -> bool:
    """Whether the process wants to end by itself soon."""
    world.pass_time(20)
    return world.clock.hasStopped


def _reread(world: World) -> bool:
    """Whether settings that are others by now are looked at, once somebody asks for that."""
    world.loaded = evolve(world.loaded, warnings=("told when it is read",))
    if world.service.reload is not None:
        world.service.reload()
    return any(b"told when it is read" in line for line in world.standard)


def _of_sign_ins(pattern: bytes) -> Probe:
    """Whether a login leaves such a line in the log."""

    def probe(world: World) -> bool:
        world.sign_in()
        return any(pattern in line for line in world.log)

    return probe


def _in_folder(names: str) -> Probe:
    """How many files of such names are beside the log's."""
    return lambda world: len(list(world.log_file.parent.glob(names)))


def _old_one_stays(world: World) -> bool:
    """Whether a file that was rotated long ago is still there after an hour."""
    old = world.log_file.with_name("log-2020-01-01T00-00-00.000")
    old.write_bytes(b"of 2020\n")
    world.pass_time(3600)
    return old.exists()


def _rotated(world: World) -> bool:
    """Whether the log's file is rotated in the course of 1.5 MiB."""
    for _ in range(110):
        world.get("/open/" + "x" * 15_000)
    world.pass_time(1)
    return world.log_file.stat().st_size < 1 << 20


def _reached(*targets: str) -> Probe:
    """The ports that are connected to for the sake of these requests."""

    def probe(world: World) -> list[int]:
        before = len(world.reached)
        for target in targets:
            world.get(target)
        return world.reached[before:]

    return probe


def _shown_to_app(world: World) -> list[str]:
    world.get("/open/")
    return world.app_over_tls.shown


ROWS: Mapping[str, Row] = {
    "config_reload": row(_reread, "true", False, True),
    # Listeners.
    "http_address": row(_listens, "127.0.0.1:9999", [("127.0.0.1", 4180)], [("127.0.0.1", 9999)]),
    "https_address": row(_listens, "127.0.0.1:9999", [("", 443)], [("127.0.0.1", 9999)], **CERTIFIED),
    "metrics_address": row(
        _listens, "127.0.0.1:9100", [("127.0.0.1", 4180)], [("127.0.0.1", 4180), ("127.0.0.1", 9100)]
    ),
    "tls_cert_file": row(
        _over_tls(ssl.TLSVersion.TLSv1_3), "{folder}/cert.pem", REFUSED, "TLSv1.3", tls_key_file="{folder}/key.pem"
    ),
    "tls_key_file": row(
        _over_tls(ssl.TLSVersion.TLSv1_3), "{folder}/key.pem", REFUSED, "TLSv1.3", tls_cert_file="{folder}/cert.pem"
    ),
    "tls_min_version": row(_over_tls(ssl.TLSVersion.TLSv1_2), "TLS1.3", "TLSv1.2", "no handshake", **CERTIFIED),
    "tls_cipher_suites": row(
        _over_tls(ssl.TLSVersion.TLSv1_2, OTHER_SUITE), SUITE, "TLSv1.2", "no handshake", **CERTIFIED
    ),
    "metrics_secure_address": row(
        _listens, "127.0.0.1:9443", REFUSED, [("127.0.0.1", 4180), ("127.0.0.1", 9443)], **METRICS_CERTIFIED
    ),
    "metrics_tls_cert_file": row(
        _over_tls(ssl.TLSVersion.TLSv1_3, metrics=True),
        "{folder}/cert.pem",
        REFUSED,
        "TLSv1.3",
        **METRICS_AT,
        metrics_tls_key_file="{folder}/key.pem",
    ),
    "metrics_tls_key_file": row(
        _over_tls(ssl.TLSVersion.TLSv1_3, metrics=True),
        "{folder}/key.pem",
        REFUSED,
        "TLSv1.3",
        **METRICS_AT,
        metrics_tls_cert_file="{folder}/cert.pem",
    ),
    "metrics_tls_min_version": row(
        _over_tls(ssl.TLSVersion.TLSv1_2, metrics=True),
        "TLS1.3",
        "TLSv1.2",
        "no handshake",
        **METRICS_AT,
        **METRICS_CERTIFIED,
    ),
    "metrics_tls_cipher_suites": row(
        _over_tls(ssl.TLSVersion.TLSv1_2, OTHER_SUITE, metrics=True),
        SUITE,
        "TLSv1.2",
        "no handshake",
        **METRICS_AT,
        **METRICS_CERTIFIED,
    ),
    # Health checks.
    "ping_path": row(status("/alive"), "/alive", 403, 200),
    "ready_path": row(status("/fit"), "/fit", 403, 200),
    "probe_relays": row(
        _of_the_app,
        "app/liveness=http://127.0.0.1:8080/healthz",
        b"text/plain; version=0.0.4; charset=utf-8",
        b"",
        metrics_address="127.0.0.1:9100",
    ),
    "ping_user_agent": row(status("/ping"), "kube-probe", 200, 403),
    "provider_required_at_start": row(_ended, "false", True, False, oidc_issuer_url="http://127.0.0.1:9"),
    "gcp_healthchecks": row(status("/liveness_check", b"User-Agent: GoogleHC/1.0"), "true", 403, 200),
    # The log.
    "standard_logging": row(lambda world: bool(world.standard), "false", True, False),
    "auth_logging": row(_of_sign_ins(b"[AuthSuccess]"), "false", True, False),
    "request_logging": row(logged(" 200 "), "false", [" 200 "], []),
    "exclude_logging_paths": row(
        logged("/open/[xy]", "/open/x", "/open/y"), "/open/x", ["/open/x", "/open/y"], ["/open/y"]
    ),
    "silence_ping_logging": row(logged("/ping", "/ping"), "true", ["/ping"], []),
    "logging_filename": row(logged(" 200 "), "{folder}/log", [" 200 "], []),
    "logging_max_size": row(_rotated, "1", False, True, logging_filename="{folder}/size/log"),
    "logging_max_age": row(_old_one_stays, "0", False, True, logging_filename="{folder}/log"),
    "logging_max_backups": row(_in_folder("log-2027-*"), "1", 3, 1, logging_filename="{folder}/count/log"),
    "logging_compress": row(_in_folder("*.gz"), "true", 0, 1, logging_filename="{folder}/packed/log"),
    "logging_local_time": row(logged(r"\d\d:\d\d:\d\d"), "false", ["13:30:00"], ["08:00:00"]),
    "logging_format": row(logged('^{"time":'), "json", [], ['{"time":']),
    "standard_logging_format": row(
        lambda world: all(line.startswith(b"o2: ") for line in world.standard), "o2: {{.Message}}", False, True
    ),
    "auth_logging_format": row(_of_sign_ins(b"AuthSuccess of GET\n"), "{{.Status}} of {{.RequestMethod}}", False, True),
    "request_logging_format": row(logged("^200 to GET$"), "{{.StatusCode}} to {{.RequestMethod}}", [], ["200 to GET"]),
    "request_id_header": row(logged("my-id", fields=(b"X-Trace: my-id",)), "X-Trace", [], ["my-id"]),
    "errors_to_info_log": row(warned("this has no effect: errors are"), "true", False, True),
    # The way to the app.
    "upstreams": row(_reached("/open/"), "http://127.0.0.1:8081/", [8080], [8081]),
    "disable_keep_alives": row(_reached("/open/", "/open/"), "true", [8080], [8080, 8080]),
    "pass_host_header": row(app_sees(b"host"), "false", "app.example.com", "127.0.0.1:8080"),
    "flush_interval": row(warned("this has no effect: nothing is buffered"), "2s", False, True),
    "ssl_upstream_insecure_skip_verify": row(status("/open/"), "true", 502, 200, **APP_BY_TLS),
    "upstream_ca_files": row(status("/open/"), "{folder}/ca.pem", 502, 200, **APP_BY_TLS),
    "upstream_client_cert_file": row(
        _shown_to_app,
        "{folder}/own-cert.pem",
        REFUSED,
        ["the sidecar"],
        **TRUSTED,
        upstream_client_key_file="{folder}/own-key.pem",
    ),
    "upstream_client_key_file": row(
        _shown_to_app,
        "{folder}/own-key.pem",
        REFUSED,
        ["the sidecar"],
        **TRUSTED,
        upstream_client_cert_file="{folder}/own-cert.pem",
    ),
}
