"""Tests of the options of Redis: its URLs, what fits together, and what an operator is told."""

from __future__ import annotations

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.settings.redis_url import RedisUrl
from tests.settings.loading import load_with, refusal_of

REDIS = "--session-store-type=redis"
SPILL = "--session-spill=redis"
ONE = "--redis-connection-url=redis://cache.example:6379/2"


class UrlTests(SynchronousTestCase):
    """URLs mean what they mean to oauth2-proxy."""

    def test_forms(self) -> None:
        """Host and port have defaults, users and passwords are unquoted, databases have two places."""
        for text, url in {
            "redis://": RedisUrl(host="localhost"),
            "redis://cache": RedisUrl(host="cache"),
            "redis://cache:7000/": RedisUrl(host="cache", port=7000),
            "redis://[::1]:7000/3": RedisUrl(host="::1", port=7000, database=3),
            "redis://app:p%40ss@cache/0?db=4": RedisUrl(host="cache", username="app", password="p@ss", database=4),
            "redis://:pass@cache": RedisUrl(host="cache", password="pass"),
            "rediss://cache": RedisUrl(host="cache", tls=True),
            "rediss://cache?skip_verify=true": RedisUrl(host="cache", tls=True, insecure=True),
            "rediss://cache?skip_verify=false": RedisUrl(host="cache", tls=True),
            "unix:///run/redis.sock?db=2": RedisUrl(path="/run/redis.sock", database=2),
            "unix://app:pass@/run/redis.sock": RedisUrl(path="/run/redis.sock", username="app", password="pass"),
            "redis://cache?pool_size=4&read_timeout=3s": RedisUrl(host="cache", idle=("pool_size", "read_timeout")),
        }.items():
            self.assertEqual(RedisUrl.parse(text), url, text)

    def test_refused(self) -> None:
        """What is no such URL is refused, and a password in it is not shown."""
        for text in (
            *("", "cache:6379", "http://cache", "redis://:hunter2@cache:0", "redis://:hunter2@cache:99999"),
            *("redis://:hunter2@cache/x", "redis://:hunter2@cache/1/2", "redis://cache?db=x", "redis://cache/-1"),
            *("redis://cache?hunter2=1", "redis://cache?skip_verify=true", "rediss://cache?skip_verify=maybe"),
            *("unix://", "unix:///", "unix://cache/run/redis.sock", "redis://cache#hunter2", "redis://b\u00fccher"),
            *("redis://cache?db", "redis://ca\nche", "redis://[::1"),
        ):
            with self.assertRaises(ValueError, msg=text) as refused:
                RedisUrl.parse(text)
            self.assertNotIn("hunter2", str(refused.exception))
        self.assertNotIn("hunter2", repr(RedisUrl.parse("redis://:hunter2@cache")))

    @given(st.text(max_size=40) | st.text(alphabet="redis://@:?=[]/1%&", max_size=30).map("redis://".__add__))
    def test_any_text(self, text: str) -> None:
        """Any text is a URL or refused."""
        with contextlib.suppress(ValueError):
            RedisUrl.parse(text)


class RuleTests(SynchronousTestCase):
    """What is needed for each kind of deployment."""

    def test_enough(self) -> None:
        """One server, Sentinels with a name, and a cluster are enough each."""
        load_with(REDIS, ONE)
        sentinels = "--redis-sentinel-connection-urls=redis://a,redis://b"
        load_with(REDIS, "--redis-use-sentinel", sentinels, "--redis-sentinel-master-name=m")
        load_with(REDIS, "--redis-use-cluster", "--redis-cluster-connection-urls=redis://a")

    def test_missing(self) -> None:
        """What is missing is all named at once."""
        self.assertIn("redis_connection_url", refusal_of(REDIS))
        found = refusal_of(REDIS, "--redis-use-sentinel")
        self.assertIn("redis_sentinel_connection_urls", found)
        self.assertIn("redis_sentinel_master_name", found)
        self.assertIn("redis_cluster_connection_urls", refusal_of(REDIS, "--redis-use-cluster"))

    def test_spilling(self) -> None:
        """Where only large sessions go there, the server is needed all the same."""
        load_with(SPILL, ONE)
        self.assertIn("redis_connection_url", refusal_of(SPILL))
        self.assertIn("redis", refusal_of("--session-spill=memcached"))

    def test_wrong(self) -> None:
        """Two ways to find a server, a socket of Sentinels, and values that there are not, are refused."""
        self.assertIn("choose one", refusal_of(REDIS, "--redis-use-sentinel", "--redis-use-cluster"))
        socket = "--redis-cluster-connection-urls=unix:///run/redis.sock"
        self.assertIn("others have to reach", refusal_of(REDIS, "--redis-use-cluster", socket))
        self.assertIn("reject, cookie-fallback", refusal_of(REDIS, ONE, "--redis-outage=ignore"))
        self.assertIn("redis_lock_time", refusal_of(REDIS, ONE, "--redis-lock-time=0s"))
        self.assertIn("cannot be read", refusal_of(REDIS, ONE, "--redis-ca-path=/nowhere"))
        found = refusal_of(REDIS, "--redis-connection-url=redis://:hunter2@cache/x")
        self.assertIn("--redis-connection-url", found)
        self.assertNotIn("hunter2", found)

    def test_a_password_in_a_file(self) -> None:
        """The password may be in a file; one that is given wins."""
        files = {"/secret": "from-file\n"}
        loaded = load_with(REDIS, ONE, "--redis-password-file=/secret", files=files)
        self.assertEqual(loaded.settings.redis_password, "from-file")
        loaded = load_with(REDIS, ONE, "--redis-password-file=/secret", "--redis-password=given", files=files)
        self.assertEqual(loaded.settings.redis_password, "given")


class CautionTests(SynchronousTestCase):
    """What is valid and may not be meant is said."""

    def cautions(self, *arguments: str) -> str:
        return "\n".join(line for line in load_with(*arguments).warnings if "redis" in line.lower())

    def test_nothing_to_say(self) -> None:
        """An ordinary deployment is no matter of words."""
        self.assertEqual(self.cautions(REDIS, ONE), "")
        self.assertEqual(self.cautions(SPILL, ONE, "--session-cookie-minimal"), "")

    def test_without_effect(self) -> None:
        """What has no effect is named with what would give it one."""
        self.assertIn("session_store_type=redis", self.cautions(ONE))
        self.assertIn("all sessions are there", self.cautions(REDIS, SPILL, ONE))
        self.assertIn("without redis_use_sentinel", self.cautions(REDIS, ONE, "--redis-sentinel-master-name=m"))
        self.assertIn(
            "without redis_use_cluster", self.cautions(REDIS, ONE, "--redis-cluster-connection-urls=redis://a")
        )
        cluster = ("--redis-use-cluster", "--redis-cluster-connection-urls=redis://a/2")
        found = self.cautions(REDIS, ONE, *cluster)
        self.assertIn("this has no effect with redis_use_cluster", found)
        self.assertIn("number of a database", found)
        self.assertIn("read_timeout", self.cautions(REDIS, "--redis-connection-url=redis://a?read_timeout=1s"))
        self.assertIn("keep their tokens", self.cautions(REDIS, ONE, "--session-cookie-minimal"))

    def test_dangers(self) -> None:
        """TLS that proves nothing and sessions without an end are said."""
        self.assertIn("can pose as it", self.cautions(REDIS, ONE, "--redis-insecure-skip-tls-verify"))
        skipped = "--redis-connection-url=rediss://a?skip_verify=true"
        self.assertIn("can pose as it", self.cautions(REDIS, skipped))
        self.assertIn("for ever", self.cautions(REDIS, ONE, "--cookie-expire=0"))
