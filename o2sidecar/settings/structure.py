"""From options to structure: the flat options say the same as upstreams and header rules do, only shorter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from o2sidecar.identity import HeaderRule, HeaderSource
from o2sidecar.settings.listeners import Address
from o2sidecar.settings.table import Options
from o2sidecar.settings.tls import Pem, Tls
from o2sidecar.settings.upstreams import Upstream


@frozen(kw_only=True)
class Structure:
    """What the structured file says in its own words, and the flat options by their combination.

    Attributes:
        listeners: where requests come in.
        tls: what those of them that are secure serve with; None if none is.
        metrics_listeners: where metrics are asked for.
        metrics_tls: the same as `tls` for these.
        upstreams: where they go; no two with the same id or path.
        request_rules: headers for the app.
        response_rules: headers for the browser, with the app's answer.
        auth_rules: headers of the auth endpoint's answer, for the proxy that asked.
    """

    listeners: tuple[Address, ...]
    tls: Tls | None
    metrics_listeners: tuple[Address, ...]
    metrics_tls: Tls | None
    upstreams: tuple[Upstream, ...]
    request_rules: tuple[HeaderRule, ...]
    response_rules: tuple[HeaderRule, ...]
    auth_rules: tuple[HeaderRule, ...]


def structure_of(options: Options) -> Structure:
    """The structure that the flat options stand for; they must have passed the checks of `Settings`."""
    pems = flat_pems(options)
    tls = tls_of(options, pems)
    return Structure(
        # As oauth2-proxy has it, TLS takes plain HTTP's place; but somebody must tell people about https.
        listeners=listeners_of(options, plain=not tls or options.force_https, secure=bool(tls)),
        tls=tls,
        metrics_listeners=metrics_listeners_of(options),
        metrics_tls=metrics_tls_of(options, pems),
        upstreams=tuple(upstream_of(options, uri) for uri in options.upstreams),
        request_rules=tuple(_request_rules(options)),
        response_rules=(),  # the browser needs none of it, and tokens must not reach it
        auth_rules=tuple(_auth_rules(options)),
    )


def listeners_of(options: Options, *, plain: bool, secure: bool) -> tuple[Address, ...]:
    """The addresses to listen on, of those that are wanted."""
    found = []
    if plain:
        found.append(Address.parse(options.http_address))
    if secure:
        found.append(Address.parse(options.https_address, secure=True))
    return tuple(found)


def metrics_listeners_of(options: Options) -> tuple[Address, ...]:
    """The addresses to serve metrics at: each that is given."""
    plain, secure = options.metrics_address, options.metrics_secure_address
    return (
        *([Address.parse(plain)] if plain else ()),
        *([Address.parse(secure, secure=True)] if secure else ()),
    )


def flat_pems(options: Options) -> Mapping[str, Pem]:
    """The certificates and keys that the flat options name, by key."""
    keys = ("tls_cert_file", "tls_key_file", "metrics_tls_cert_file", "metrics_tls_key_file")
    return {key: Pem(name=key, path=path) for key in keys if (path := getattr(options, key))}


def tls_of(options: Options, pems: Mapping[str, Pem]) -> Tls | None:
    """What https listeners serve with, by the keys of the flat options; None if there is no certificate."""
    certificate, key = pems.get("tls_cert_file"), pems.get("tls_key_file")
    if certificate is None or key is None:
        return None
    return Tls.of(certificate, key, minimum=options.tls_min_version, suites=options.tls_cipher_suites)


def metrics_tls_of(options: Options, pems: Mapping[str, Pem]) -> Tls | None:
    """The same for metrics."""
    certificate, key = pems.get("metrics_tls_cert_file"), pems.get("metrics_tls_key_file")
    if certificate is None or key is None:
        return None
    minimum, suites = options.metrics_tls_min_version, options.metrics_tls_cipher_suites
    return Tls.of(certificate, key, minimum=minimum, suites=suites)


def upstream_of(options: Options, uri: str) -> Upstream:
    """An upstream with what the options say of all of them; raises `ValueError` as `Upstream.parse` does."""
    return evolve(
        Upstream.parse(uri),
        timeout=options.upstream_timeout,
        pass_host_header=options.pass_host_header,
        proxy_websockets=options.proxy_websockets,
        insecure_skip_verify=options.ssl_upstream_insecure_skip_verify,
        keep_alive=not options.disable_keep_alives,
    )


def _request_rules(options: Options) -> Iterator[HeaderRule]:
    keep = not options.skip_auth_strip_headers
    user = "email" if options.prefer_email_to_user else "user"
    if options.pass_basic_auth and options.basic_auth_password:
        yield _basic(options, keep)
    if options.pass_basic_auth or options.pass_user_headers:
        yield _claim("X-Forwarded-Groups", "groups", keep)
        yield _claim("X-Forwarded-User", user, keep)
        if not options.prefer_email_to_user:
            yield _claim("X-Forwarded-Email", "email", keep)
        yield _claim("X-Forwarded-Preferred-Username", "preferred_username", keep)
    if options.pass_access_token:
        yield _claim("X-Forwarded-Access-Token", "access_token", keep)
    if options.pass_authorization_header:
        yield _bearer(keep)
    if options.set_xauthrequest:
        yield from _x_auth_request(keep)


def _auth_rules(options: Options) -> Iterator[HeaderRule]:
    if options.set_xauthrequest:
        yield from _x_auth_request(False)
        if options.pass_access_token:
            yield _claim("X-Auth-Request-Access-Token", "access_token", False)
    if options.set_basic_auth:
        yield _basic(options, False)
    if options.set_authorization_header:
        yield _bearer(False)


def _x_auth_request(preserve: bool) -> Iterator[HeaderRule]:
    yield _claim("X-Auth-Request-User", "user", preserve)
    yield _claim("X-Auth-Request-Email", "email", preserve)
    yield _claim("X-Auth-Request-Preferred-Username", "preferred_username", preserve)
    yield _claim("X-Auth-Request-Groups", "groups", preserve)


def _claim(name: str, claim: str, preserve: bool) -> HeaderRule:
    return HeaderRule(name=name, sources=(HeaderSource(claim=claim),), preserve=preserve)


def _bearer(preserve: bool) -> HeaderRule:
    source = HeaderSource(claim="id_token", prefix="Bearer ")
    return HeaderRule(name="Authorization", sources=(source,), preserve=preserve)


def _basic(options: Options, preserve: bool) -> HeaderRule:
    claim = "email" if options.prefer_email_to_user else "user"
    source = HeaderSource(claim=claim, basic_auth_password=options.basic_auth_password)
    return HeaderRule(name="Authorization", sources=(source,), preserve=preserve)
