"""The options of sessions in Redis."""

from __future__ import annotations

from collections.abc import Mapping

from tests.options.redis_servers import (
    CLOSED,
    CLOSED_SENTINEL,
    CLUSTER,
    NO_REDIS,
    PASSWORD,
    PLAIN,
    REDIS,
    REDIS_TLS,
    SENTINEL,
    SILENT,
    STUCK,
)
from tests.options.row import REFUSED, Probe, Row, row
from tests.options.world import World

IN_REDIS = {"session_store_type": "redis", "redis_required_at_start": "false"}
ONE = {**IN_REDIS, "redis_connection_url": REDIS}
AWAY = {**IN_REDIS, "redis_connection_url": NO_REDIS}
OVER_TLS = {**IN_REDIS, "redis_connection_url": f"rediss://127.0.0.1:{REDIS_TLS}"}
ON_SILENT = {**IN_REDIS, "redis_connection_url": f"redis://127.0.0.1:{SILENT}"}
WITH_PASSWORD = {**IN_REDIS, "redis_connection_url": f"redis://127.0.0.1:{CLOSED}"}
WATCHED = {"redis_sentinel_connection_urls": f"redis://127.0.0.1:{SENTINEL}", "redis_sentinel_master_name": "m"}
CLUSTERED = {"redis_cluster_connection_urls": f"redis://127.0.0.1:{CLUSTER}"}


def _ready(world: World) -> int:
    """The readiness once every time-out has had its time."""
    world.pass_time(8)
    return world.get("/ready").status


def _logins(world: World) -> list[tuple[bytes, ...]]:
    return [words[1:] for words in world.redis[CLOSED].asked if words[0] == b"AUTH"]


def _connections(world: World) -> int:
    world.pass_time(20)
    return world.reached.count(PLAIN)


def _waits(world: World) -> int | None:
    """Seconds until it is known that nobody answers."""
    return world.seconds_until(lambda: world.get("/ready").status == 503)


def _waits_for_an_answer(world: World) -> int | None:
    """Seconds that a signed-in request waits for a server that has stopped answering."""
    world.sign_in()
    waiting = world.send("/")
    return world.seconds_until(lambda: waiting.got)


def _after_the_end(seconds: float) -> Probe:
    """Whether a session passes so long after its end elsewhere."""

    def probe(world: World) -> bool:
        world.sign_in()
        assert world.get("/").status == 200
        world.redis[PLAIN].kept.clear()
        world.pass_time(seconds)
        return world.get("/").status == 200

    return probe


def _lock_lasts(world: World) -> set[bytes]:
    world.sign_in()
    world.pass_time(60)
    world.get("/")
    return {words[-1] for words in world.redis[PLAIN].asked if words[0] == b"SET" and words[1].endswith(b".lock")}


def _ended(world: World) -> bool:
    world.pass_time(8)
    return world.service.refused


ROWS: Mapping[str, Row] = {
    "redis_connection_url": row(_ready, REDIS, REFUSED, 200, **IN_REDIS),
    "redis_username": row(
        _logins, "app", [(b"of-redis",)], [(b"app", b"of-redis")], redis_password=PASSWORD, **WITH_PASSWORD
    ),
    "redis_password": row(_ready, PASSWORD, 503, 200, **WITH_PASSWORD),
    "redis_password_file": row(_ready, "{folder}/redis-password", 503, 200, **WITH_PASSWORD),
    "redis_use_sentinel": row(_ready, "true", 503, 200, **AWAY, **WATCHED),
    "redis_sentinel_connection_urls": row(
        _ready,
        f"redis://127.0.0.1:{SENTINEL}",
        REFUSED,
        200,
        **IN_REDIS,
        redis_use_sentinel="true",
        redis_sentinel_master_name="m",
    ),
    "redis_sentinel_master_name": row(
        _ready, "m", 503, 200, **{**IN_REDIS, **WATCHED, "redis_sentinel_master_name": "x"}, redis_use_sentinel="true"
    ),
    "redis_sentinel_password": row(
        _ready,
        PASSWORD,
        503,
        200,
        **IN_REDIS,
        redis_use_sentinel="true",
        redis_sentinel_connection_urls=f"redis://127.0.0.1:{CLOSED_SENTINEL}",
        redis_sentinel_master_name="m",
    ),
    "redis_use_cluster": row(_ready, "true", 503, 200, **AWAY, **CLUSTERED),
    "redis_cluster_connection_urls": row(
        _ready, f"redis://127.0.0.1:{CLUSTER}", REFUSED, 200, **IN_REDIS, redis_use_cluster="true"
    ),
    "redis_ca_path": row(_ready, "{folder}/ca.pem", 503, 200, **OVER_TLS),
    "redis_insecure_skip_tls_verify": row(_ready, "true", 503, 200, **OVER_TLS),
    "redis_connection_idle_timeout": row(_connections, "3", 1, 5, **ONE),
    "redis_connect_timeout": row(_waits, "5s", 2, 5, redis_command_timeout="60s", **ON_SILENT),
    "redis_command_timeout": row(
        _waits_for_an_answer, "5s", 2, 5, **{**ONE, "redis_connection_url": f"redis://127.0.0.1:{STUCK}"}
    ),
    "redis_trust_time": row(_after_the_end(3), "10s", False, True, **ONE),
    "redis_lock_time": row(_lock_lasts, "7s", {b"2000"}, {b"7000"}, cookie_refresh="30s", **ONE),
    "redis_outage": row(_ready, "cookie-fallback", 503, 200, **AWAY),
    "redis_required_at_start": row(
        _ended, "false", True, False, session_store_type="redis", redis_connection_url=NO_REDIS
    ),
}
