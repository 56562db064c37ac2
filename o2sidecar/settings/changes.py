"""What differs between the settings in force and newer ones: what counts at once, and what waits for a restart."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest

from attrs import evolve, frozen

from o2sidecar.settings.checks import nobody_may_pass
from o2sidecar.settings.files import SECRETS
from o2sidecar.settings.loaded import Loaded, ProviderEntry
from o2sidecar.settings.options import Settings
from o2sidecar.settings.problems import Problem, SettingsRefused
from o2sidecar.settings.structure import Structure
from o2sidecar.settings.table import OPTIONS

_LISTENERS = ("listeners", "tls", "metrics_listeners", "metrics_tls")
_PARTS: Mapping[str, str] = {
    "upstreams": "upstreams",
    "request_rules": "headers for the app",
    "response_rules": "headers of answers",
    "auth_rules": "headers of the auth endpoint's answer",
}
"""What else of a structure takes effect at once, as it is named where no option says it."""
_OF_PROVIDERS = ("own", "email_domains", "hosts", "paths")

_LASTING_GROUPS = frozenset({"Listener", "TLS", "Redis"})
_LASTING = frozenset(
    {
        *("config_reload", "proxy_protocol", "probe_relays", "drain_delay", "session_store_type", "session_spill"),
        "session_cache_size",
        *("cookie_secret_file", "accepted_cookie_secrets_file", "cookie_secret_settle_time", "htpasswd_file"),
        *("revocation_list", "revocation_poll_interval", "revocation_unavailable"),
        *("provider_cache_dir", "provider_cache_age", "provider_required_at_start"),
        *("logging_filename", "logging_max_size", "logging_max_age", "logging_max_backups", "logging_compress"),
        *("standard_logging", "standard_logging_format", "logging_local_time", "logging_format"),
    }
)
WAITING = frozenset(option.key for option in OPTIONS if option.title in _LASTING_GROUPS or option.key in _LASTING)
"""Options that count from the start of the process to its end."""
_WAITING_IN_REDIS = frozenset({"cookie_name"})
"""Those that do where sessions are kept in Redis: what is beside them is named by it."""


@frozen(kw_only=True)
class Changes:
    """Two lists of settings, by the names that the operator wrote; never a value of theirs.

    Attributes:
        loaded: what is to be in force: the newer settings, with what waits for a restart as it was.
        applied: what takes effect.
        waiting: what does not, before the next start.
        warnings: what there is to say about the newer settings that was not said before.
    """

    loaded: Loaded
    applied: tuple[str, ...]
    waiting: tuple[str, ...]
    warnings: tuple[str, ...]


def changes_of(now: Loaded, newer: Loaded) -> Changes:
    """What newer settings change; raises `SettingsRefused` if they do not fit what has to stay until a restart."""
    differing = _differing(now.settings, newer.settings)
    lasting = WAITING | (_WAITING_IN_REDIS if now.settings.session_store_type == "redis" else frozenset())
    kept = {key: getattr(now.settings, key) for key in differing if key in lasting}
    waiting = [_name(key, now, newer) for key in kept]
    if not waiting and any(getattr(now.structure, part) != getattr(newer.structure, part) for part in _LISTENERS):
        waiting.append("listeners")
    applied = [_name(key, now, newer) for key in differing if key not in kept]
    applied += _parts(now.structure, newer.structure) if not applied else ()
    applied += _providers(now, newer, differing)
    merged = evolve(
        newer,
        settings=evolve(newer.settings, **kept),
        providers=tuple(evolve(each, settings=evolve(each.settings, **kept)) for each in newer.providers),
        structure=evolve(newer.structure, **{part: getattr(now.structure, part) for part in _LISTENERS}),
    )
    if any(True for each in merged.providers for _ in nobody_may_pass(each.settings)):
        names = tuple(_name(key, now, newer) for key in ("htpasswd_file", "email_domains"))
        sentence = "the first waits for a restart, and until then nobody could pass: restart instead"
        raise SettingsRefused([Problem(names=names, sentence=sentence)])
    return Changes(
        loaded=merged,
        applied=tuple(dict.fromkeys(applied)),
        waiting=tuple(waiting),
        warnings=tuple(warning for warning in newer.warnings if warning not in now.warnings),
    )


def _differing(now: Settings, newer: Settings) -> list[str]:
    """Keys of options, without secrets that follow their files: what is new in a file counts already."""
    followed = _followed(now, newer)
    keys = (option.key for option in OPTIONS if option.key not in followed)
    return [key for key in keys if getattr(now, key) != getattr(newer, key)]


def _followed(now: Settings, newer: Settings) -> set[str]:
    """Secrets that go on to follow the same file, by key."""
    files = {file: getattr(now, file) for file in SECRETS}
    return {SECRETS[file] for file, path in files.items() if path and (file in WAITING or path == getattr(newer, file))}


def _name(key: str, now: Loaded, newer: Loaded) -> str:
    return newer.sources.get(key) or now.sources.get(key) or key


def _parts(now: Structure, newer: Structure) -> Iterator[str]:
    """What the structured file says that no option does."""
    for part, name in _PARTS.items():
        if getattr(now, part) != getattr(newer, part):
            yield name


def _providers(now: Loaded, newer: Loaded, told: Collection[str]) -> Iterator[str]:
    """Providers of which the settings do not tell: the own options of the first, and whatever is said of others.

    `told`: keys of options that are named already, which may be everybody's.
    """
    keys = [option.key for option in OPTIONS if option.structured and option.key not in told]
    for index, (one, other) in enumerate(zip_longest(now.providers, newer.providers)):
        if one is None or other is None or _differ(one, other, keys if index else ()):
            yield f"providers[{index}]"


def _differ(one: ProviderEntry, other: ProviderEntry, keys: Collection[str]) -> bool:
    its = {key for key in _differing(one.settings, other.settings) if key in keys}
    return bool(its) or any(getattr(one, part) != getattr(other, part) for part in _OF_PROVIDERS)
