"""The options of the listener, the proxies around it, the app behind it and the log, one line each."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings import layouts
from o2sidecar.settings.kinds import Duration, Texts
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class DefaultsOptions(Group):
    """Whose defaults count."""

    title = "Defaults"

    defaults: str = option(
        "oauth2-proxy", "whose defaults count for what is unset: oauth2-proxy or o2sidecar", ours=True
    )
    config_reload: bool = option(
        False, "read the files of --config and --alpha-config again when they change", ours=True, sidecar_default=True
    )


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class ListenerOptions(Group):
    """Where requests come in."""

    title = "Listener"
    structured = True

    http_address: str = option("127.0.0.1:4180", "where to listen: HOST:PORT, unix://PATH or fd:NUMBER")
    https_address: str = option(":443", "where to listen with TLS; with a certificate, and then in http_address' place")
    metrics_address: str = option("", "where metrics are served: HOST:PORT")
    metrics_secure_address: str = option("", "where metrics are served with TLS: HOST:PORT; beside metrics_address")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class TlsOptions(Group):
    """TLS where requests come in."""

    title = "TLS"
    structured = True

    tls_cert_file: str = option("", "the server's certificate and those that certify it, in PEM; reread on change")
    tls_key_file: str = option("", "the certificate's private key in PEM; reread on change")
    tls_min_version: str = option("", "least version that is spoken: TLS1.2 or TLS1.3; empty: TLS1.2")
    tls_cipher_suites: Texts = option((), "cipher suites for TLS 1.2 by their standard names; empty: the good ones")
    metrics_tls_cert_file: str = option("", "the same as tls_cert_file, for metrics_secure_address")
    metrics_tls_key_file: str = option("", "the same as tls_key_file, for metrics_secure_address")
    metrics_tls_min_version: str = option("", "the same as tls_min_version, for metrics_secure_address", ours=True)
    metrics_tls_cipher_suites: Texts = option(
        (), "the same as tls_cipher_suites, for metrics_secure_address", ours=True
    )


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class ProbeOptions(Group):
    """Health checks."""

    title = "Health checks"

    ping_path: str = option("/ping", "path that says that the process is alive")
    ready_path: str = option("/ready", "path that says that requests can be served")
    ping_user_agent: str = option("", "user agent that alone gets the answer at ping_path")
    provider_required_at_start: bool = option(
        True,
        "end the process, with status 1, when the provider's discovery document cannot be had at the start",
        ours=True,
        sidecar_default=False,
    )
    probe_relays: Texts = option(
        (),
        "health checks of the app to pass on at metrics_address, as CONTAINER/KIND=URL, under /probe/CONTAINER/KIND",
        ours=True,
    )
    gcp_healthchecks: bool = option(False, "answer Google's old health checks", successor="ping_path")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class ForwardingOptions(Group):
    """Proxies in front."""

    title = "Proxies in front"

    reverse_proxy: bool = option(False, "believe the forwarding headers of trusted proxies")
    trusted_proxy_ips: Texts = option((), "addresses or networks of trusted proxies; empty: loopback only")
    real_client_ip_header: str = option("X-Real-IP", "header in which a trusted proxy gives the client's address")
    pass_untrusted_forwarded: bool = option(
        True,
        "give the app what others than trusted proxies say in X-Forwarded-*, Forwarded and X-Real-IP",
        ours=True,
        sidecar_default=False,
    )
    proxy_protocol: bool = option(False, "take only connections of trusted proxies, by the PROXY protocol", ours=True)
    force_https: bool = option(False, "send whoever comes by plain HTTP to https, at https_address' port")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class UpstreamOptions(Group):
    """The app."""

    title = "The app"
    structured = True

    upstreams: Texts = option(
        (), "where requests go: http(s)://HOST:PORT/PATH, unix://PATH, file://FOLDER#/PATH/ or static://STATUS"
    )
    upstream_timeout: Duration = option(30.0, "how long the app may take to begin its answer")
    pass_host_header: bool = option(True, "give the app the request's Host instead of the upstream's")
    proxy_websockets: bool = option(True, "let WebSocket upgrades through")
    ssl_upstream_insecure_skip_verify: bool = option(False, "do not verify the app's certificate")
    disable_keep_alives: bool = option(False, "open a connection to the app for each request, and close it")
    flush_interval: Duration = option(1.0, "has no effect: answers are passed on as they come")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class UpstreamTlsOptions(Group):
    """What apps prove to us over TLS, and we to them."""

    title = "The app over TLS"

    upstream_ca_files: Texts = option(
        (), "PEM files of authorities trusted for https upstreams, instead of the system's", ours=True
    )
    upstream_client_cert_file: str = option(
        "", "PEM file of our certificate for https upstreams that ask, and of those that certify it", ours=True
    )
    upstream_client_key_file: str = option("", "PEM file of the key of upstream_client_cert_file", ours=True)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class HeaderOptions(Group):
    """What the app and an asking proxy are told about the user."""

    title = "Headers"
    structured = True

    pass_user_headers: bool = option(True, "give the app X-Forwarded-User, -Email, -Groups and -Preferred-Username")
    pass_basic_auth: bool = option(True, "the same headers, and with basic_auth_password Authorization: Basic")
    basic_auth_password: str = option("", "password for the generated Basic credentials", secret=True)
    pass_access_token: bool = option(False, "give the app X-Forwarded-Access-Token")
    pass_authorization_header: bool = option(False, "give the app the ID token as Authorization: Bearer")
    set_xauthrequest: bool = option(False, "give the app, and the auth endpoint's answer, the X-Auth-Request-* headers")
    set_authorization_header: bool = option(False, "give the auth endpoint's answer Authorization: Bearer")
    set_basic_auth: bool = option(False, "give the auth endpoint's answer Authorization: Basic")
    prefer_email_to_user: bool = option(
        False,
        "use the email as the user in X-Forwarded-User and in Basic credentials, and of local users the name as email",
        stays=True,
    )
    skip_auth_strip_headers: bool = option(True, "take what these options set out of clients' requests")


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class OwnHeaderOptions(Group):
    """What o2sidecar lets one choose besides."""

    title = "Headers of ours"

    pass_own_cookies: bool = option(True, "let the app see the sidecar's own cookies", ours=True, sidecar_default=False)
    pass_session_expires_in: bool = option(
        False, "give the app X-Session-Expires-In, the seconds that the session still has", ours=True
    )
    gap_auth: bool = option(True, "tell the browser who is signed in, in GAP-Auth", ours=True, sidecar_default=False)


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class LogOptions(Group):
    """What is logged."""

    title = "Log"

    standard_logging: bool = option(True, "log what the process does")
    auth_logging: bool = option(True, "log attempts to sign in")
    request_logging: bool = option(True, "log requests")
    exclude_logging_paths: Texts = option((), "paths whose requests are not logged")
    silence_ping_logging: bool = option(False, "do not log health checks")
    logging_filename: str = option("", "file for all of the log, instead of standard output")
    logging_max_size: int = option(100, "MiB above which the log's file is rotated")
    logging_max_age: int = option(7, "days after which a rotated file is removed; 0: never")
    logging_max_backups: int = option(0, "most rotated files that are kept; 0: all")
    logging_compress: bool = option(False, "compress rotated files by gzip")
    logging_local_time: bool = option(True, "local time in the log, not UTC")
    logging_format: str = option("text", "text or json: one JSON object a line, of every kind", ours=True)
    standard_logging_format: str = option(layouts.STANDARD, "layout of what the process does (Go template)")
    auth_logging_format: str = option(layouts.AUTH, "layout of attempts to sign in (Go template)")
    request_logging_format: str = option(
        layouts.REQUEST, "layout of requests (Go template)", sidecar_default=layouts.REQUEST_WITH_REASON
    )
    errors_to_info_log: bool = option(False, "has no effect: errors are where everything else is")
    request_id_header: str = option("X-Request-Id", "header that names a request in the log")
