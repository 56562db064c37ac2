"""Which options of Redis fit together, and what an operator should know about those that do."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator

from o2sidecar.settings.problems import Problem
from o2sidecar.settings.redis_url import RedisUrl
from o2sidecar.settings.table import BY_KEY, Options

_URLS = ("redis_connection_url", "redis_sentinel_connection_urls", "redis_cluster_connection_urls")
_OF_SENTINEL = ("redis_sentinel_connection_urls", "redis_sentinel_master_name", "redis_sentinel_password")


def uses_redis(options: Options) -> bool:
    """Whether sessions are kept in Redis, all or the large ones."""
    return "redis" in (options.session_store_type, options.session_spill)


def spills(options: Options) -> bool:
    """Whether those in cookies go to Redis when they are too large."""
    return options.session_store_type == "cookie" and options.session_spill == "redis"


def bridges_outages(options: Options) -> bool:
    """Whether people can be signed in while Redis is away, some of them at least."""
    return options.redis_outage == "cookie-fallback" or spills(options)


def lists_in_redis(options: Options) -> bool:
    """Whether the list of revocations is in Redis, too."""
    return options.session_store_type == "redis" or (spills(options) and not options.revocation_list)


def redis_problems(options: Options) -> Iterator[Problem]:
    """What is wrong; the names in it are keys."""
    if not uses_redis(options):
        return
    if options.redis_use_sentinel and options.redis_use_cluster:
        sentence = "a server is found by Sentinels or by the cluster's own word; choose one"
        yield Problem(names=("redis_use_sentinel", "redis_use_cluster"), sentence=sentence)
    elif options.redis_use_sentinel:
        if not options.redis_sentinel_connection_urls:
            yield _about("redis_sentinel_connection_urls", "is missing: the URLs of the Sentinels")
        if not options.redis_sentinel_master_name:
            yield _about("redis_sentinel_master_name", "is missing: the name that the Sentinels know the server by")
    elif options.redis_use_cluster:
        if not options.redis_cluster_connection_urls:
            yield _about("redis_cluster_connection_urls", "is missing: the URLs of some servers of the cluster")
    elif not options.redis_connection_url:
        yield _about("redis_connection_url", "is missing: where the Redis is that sessions are kept in")
    for key in _URLS[1:]:
        if any(url.path for url in _urls(options, key)):
            yield _about(key, "must be redis:// or rediss:// URLs: others have to reach these servers, too")


def redis_cautions(options: Options, given: Collection[str]) -> Iterator[Problem]:
    """What to say about options that are valid, of which the keys `given` were set by somebody."""
    if not uses_redis(options):
        for key in given:
            if key.startswith("redis_") and getattr(options, key) != BY_KEY[key].default:
                yield _about(key, "this has no effect without session_store_type=redis or session_spill=redis.")
        return
    if options.session_spill and not spills(options):
        yield _about("session_spill", "this has no effect: with session_store_type=redis all sessions are there.")
    yield from _without_effect(options, given)
    if options.redis_insecure_skip_tls_verify or any(url.insecure for url in _urls(options, used(options))):
        key = "redis_insecure_skip_tls_verify" if options.redis_insecure_skip_tls_verify else used(options)
        yield _about(key, "Redis's certificate is not verified: anybody on the way can pose as it.")
    if not options.cookie_expire:
        sentence = "with 0, sessions are kept in Redis for ever unless people sign out."
        yield _about("cookie_expire", sentence)


def used(options: Options) -> str:
    """The key of the option that says where Redis is."""
    return _URLS[1 if options.redis_use_sentinel else 2 if options.redis_use_cluster else 0]


def _without_effect(options: Options, given: Collection[str]) -> Iterator[Problem]:
    if options.session_cookie_minimal and not bridges_outages(options):
        yield _about("session_cookie_minimal", "this has no effect: sessions in Redis keep their tokens.")
    for keys, switch in ((_OF_SENTINEL, "redis_use_sentinel"), (_URLS[2:], "redis_use_cluster")):
        for key in keys:
            if key in given and getattr(options, key) and not getattr(options, switch):
                yield _about(key, f"this has no effect without {switch}.")
    key = used(options)
    if _URLS[0] in given and options.redis_connection_url and key != _URLS[0]:
        switch = "redis_use_sentinel" if options.redis_use_sentinel else "redis_use_cluster"
        yield _about(_URLS[0], f"this has no effect with {switch}.")
    for url in _urls(options, key):
        if url.idle:
            sentence = f"{', '.join(url.idle)} in a URL changes nothing: there are redis_connect_timeout,"
            yield _about(key, f"{sentence} redis_command_timeout and redis_connection_idle_timeout.")
        if url.database and key != _URLS[0]:
            yield _about(key, "the number of a database in these URLs has no effect, as with oauth2-proxy.")


def _urls(options: Options, key: str) -> Iterator[RedisUrl]:
    value = getattr(options, key)
    for text in value if isinstance(value, tuple) else (value,):
        with contextlib.suppress(ValueError):  # which is reported with the others of its kind
            if text:
                yield RedisUrl.parse(text)


def _about(key: str, sentence: str) -> Problem:
    return Problem(names=(key,), sentence=sentence)
