"""The options of sessions in Redis, one line each."""

# ruff: noqa: RUF009 (`option` makes a field, it is no default)

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.kinds import Duration, Texts
from o2sidecar.settings.option import Group, option


@frozen(kw_only=True, slots=False, eq=False, repr=False)
class RedisOptions(Group):
    """Where the Redis is that sessions are kept in, and how far it is relied on."""

    title = "Redis"

    redis_connection_url: str = option("", "redis://, rediss:// (TLS) or unix:// URL of the server", secret=True)
    redis_username: str = option("", "user of the server's access control list, instead of the one in the URL")
    redis_password: str = option("", "its password, instead of the one in the URL", secret=True)
    redis_password_file: str = option(
        "", "file that holds that password; one line break at its end does not count", ours=True
    )
    redis_use_sentinel: bool = option(False, "ask Sentinels where the server is")
    redis_sentinel_connection_urls: Texts = option(
        (), "URLs of the Sentinels", flag="--redis-sentinel-connection-urls", secret=True
    )
    redis_sentinel_master_name: str = option("", "the name that the Sentinels know the server by")
    redis_sentinel_password: str = option("", "password of the Sentinels themselves", secret=True)
    redis_use_cluster: bool = option(False, "use a Redis Cluster")
    redis_cluster_connection_urls: Texts = option(
        (), "URLs of some of its servers", flag="--redis-cluster-connection-urls", secret=True
    )
    redis_ca_path: str = option("", "PEM file of authorities trusted beside the system's; switches TLS on")
    redis_insecure_skip_tls_verify: bool = option(
        False, "do not verify the server's certificate; switches TLS on; for tests only"
    )
    redis_connection_idle_timeout: int = option(0, "seconds after which an unused connection is not used; 0: for ever")
    redis_connect_timeout: Duration = option(2.0, "how long a connection may take until it can be used", ours=True)
    redis_command_timeout: Duration = option(2.0, "how long the server may take to answer", ours=True)
    redis_trust_time: Duration = option(
        0.5, "how long a session is believed until Redis is asked again whether it has ended", ours=True
    )
    redis_lock_time: Duration = option(
        2.0, "how long the others wait for a sidecar that renews a session and is gone", ours=True
    )
    redis_outage: str = option(
        "reject", "while Redis is away: reject requests with 503, or cookie-fallback: sign people in anew", ours=True
    )
    redis_required_at_start: bool = option(
        True,
        "end the process, with status 1, when Redis cannot be had at the start",
        ours=True,
        sidecar_default=False,
    )
