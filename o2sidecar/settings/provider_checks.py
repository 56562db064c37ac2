"""What is asked of every kind of provider, by what it says that it needs; every rule reports all that it finds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from o2sidecar.settings.kinds import shown
from o2sidecar.settings.option import options_of
from o2sidecar.settings.problems import Problem
from o2sidecar.settings.provider_kind import ProviderKinds
from o2sidecar.settings.table import OPTIONS, Options
from o2sidecar.settings.table.providers import OF_SINGLE_PROVIDERS

SIGNING_ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
)
"""Algorithms of RFC 7518 §3.1 and RFC 8037 §3.1 that ID tokens may be asked to have; no HMAC, no `none`."""

_KEY_METHODS = frozenset({"", "private_key_jwt"})


def proves_itself_otherwise(options: Options) -> bool:
    """Whether the provider knows us by something else than a secret."""
    method = options.token_endpoint_auth_method
    if options.provider == "entra-id" and options.entra_id_federated_token_auth:
        return True
    return method in {"private_key_jwt", "none"} or (method == "" and _has_key(options))


def _has_key(options: Options) -> bool:
    # login.gov knows no secrets.
    return bool(options.jwt_key or options.jwt_key_file) or options.provider == "login.gov"


def kind_problems(options: Options, kinds: ProviderKinds) -> Iterator[Problem]:
    """What is wrong about the kind of provider, and what its own options say that it needs."""
    if options.provider not in kinds:
        known = ", ".join(sorted(kinds))
        yield _wrong("provider", f"{shown(options.provider)} is not supported by this version; there are {known}")
        return
    try:
        kind = kinds.kind(options.provider)
    except ValueError as error:
        yield _wrong("provider", str(error))
        return
    for key in kind.required:
        # Without a client id there is nothing at all, which is said elsewhere.
        if not getattr(options, key) and key not in {"client_id", "oidc_issuer_url"}:
            yield _wrong(key, f"is missing: the provider {options.provider} needs it")
    if kind.one_of and not any(getattr(options, key) for key in kind.one_of):
        yield Problem(names=tuple(kind.one_of), sentence=f"one is missing: the provider {options.provider} needs it")
    if "oidc_issuer_url" in kind.keys:
        yield from _oidc(options, needs_issuer="oidc_issuer_url" in kind.required)
    for option in OPTIONS:
        if (
            option.restricts
            and not option.stands_for
            and option.key not in kind.keys
            and getattr(options, option.key) != option.default
        ):
            yield _wrong(
                option.key, f"would restrict nobody with provider {options.provider}{_only_with(option.key, kinds)}"
            )


def of_no_effect(options: Options, given: Collection[str], kinds: ProviderKinds) -> Iterator[Problem]:
    """Options of other providers, that restrict nobody anyway."""
    kind = kinds.kind(options.provider)
    for option in options_of(OF_SINGLE_PROVIDERS):
        key = option.key
        if key in given and key not in kind.keys and not option.restricts and getattr(options, key) != option.default:
            yield _wrong(key, f"this has no effect with provider {options.provider}{_only_with(key, kinds)}.")


def _only_with(key: str, kinds: ProviderKinds) -> str:
    names = list(kinds.wanting(key))
    return f", only with {' or '.join(names)}" if names else ""


def _oidc(options: Options, *, needs_issuer: bool) -> Iterator[Problem]:
    if (
        needs_issuer
        and not options.oidc_issuer_url
        and not (options.skip_oidc_discovery and options.insecure_oidc_skip_issuer_verification)
    ):
        yield _wrong("oidc_issuer_url", "is missing: the provider's issuer URL")
    for algorithm in options.oidc_enabled_signing_algs:
        if algorithm not in SIGNING_ALGORITHMS:
            known = ", ".join(sorted(SIGNING_ALGORITHMS))
            yield _wrong("oidc_enabled_signing_algs", f"{shown(algorithm)} is none of {known}")
    if options.skip_oidc_discovery:
        for key in ("login_url", "redeem_url"):
            if not getattr(options, key):
                yield _wrong(key, "is missing: without discovery it must be given")
        if not options.oidc_jwks_url and not options.oidc_public_key_files and not options.pubjwk_url:
            sentence = (
                "is missing: without discovery the provider's keys must be given, here or in oidc_public_key_files"
            )
            yield _wrong("oidc_jwks_url", sentence)


def _client_authentication(options: Options) -> Iterator[Problem]:
    """A method needs what it proves us by; RFC 7636 §1 is all that protects a client without anything."""
    pair = ("jwt_key", "jwt_key_file")
    method = options.token_endpoint_auth_method
    if options.jwt_key and options.jwt_key_file:
        yield Problem(names=pair, sentence="give one of them, not both")
    needed = method == "private_key_jwt" or (method == "" and options.provider == "login.gov")
    if needed and not options.jwt_key and not options.jwt_key_file:
        yield Problem(names=pair, sentence="one is missing: the private key that proves who we are")
    if method == "none" and not options.code_challenge_method:
        sentence = "is missing: a client that proves itself by nothing must be protected by PKCE; set it to S256"
        yield _wrong("code_challenge_method", sentence)
    if options.jwt_key and method in _KEY_METHODS:
        from o2sidecar.oauth.client_key import ClientKey  # noqa: PLC0415 (only who has a key pays for it)

        if complaint := _complaint(ClientKey.parse, options.jwt_key):
            yield _wrong("jwt_key", complaint)


def _complaint(parse: Callable[..., object], *arguments: object) -> str:
    try:
        parse(*arguments)
    except ValueError as error:
        return str(error)
    return ""


def _wrong(key: str, sentence: str) -> Problem:
    return Problem(names=(key,), sentence=sentence)


PROVIDER_RULES: tuple[Callable[[Options], Iterator[Problem]], ...] = (_client_authentication,)
"""Those about what all providers share; one's own are beside its `Options`."""
