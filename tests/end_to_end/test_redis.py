"""Sessions in real Redis servers, in each of the ways in which people run them."""

from __future__ import annotations

import base64
import contextlib
import json
import tempfile
import time
from pathlib import Path

from attrs import evolve

from o2sidecar.session.ticket import Ticket
from tests.end_to_end.processes import eventually, free_port
from tests.end_to_end.redis_servers import ALICE, RedisCase, SentinelCase, ask_redis, pair_of
from tests.end_to_end.visitor import Visitor
from tests.private_authority import Authority, authority
from tests.session.test_ticket import RECORDED


def unknown() -> str:
    """The pair of a ticket that is good, and under which nothing is stored."""
    return pair_of(Ticket.issue("_oauth2_proxy"), evolve(ALICE, created_at=time.time()))


class DeploymentTests(RedisCase):
    """Who signs in is known by every sidecar, and by none after signing out."""

    def test_one_server(self) -> None:
        """One server without a password; two sidecars share the sessions, and nothing can be read in it."""
        _, redis = self.redis()
        url = f"--redis-connection-url=redis://127.0.0.1:{redis}/3"
        self.guarded(url)
        other = free_port()
        self.sidecar_on(other, *self.with_redis(), url)
        visitor = self.sign_in()
        [key] = ask_redis(redis, "EVAL", "redis.call('SELECT', 3) return redis.call('KEYS', '*')", "0")
        self.assertRegex(key.decode(), "^_oauth2_proxy-[0-9a-f]{32}$")
        value = ask_redis(redis, "EVAL", "redis.call('SELECT', 3) return redis.call('GET', ARGV[1])", "0", key)
        self.assertNotIn(b"alice", value)
        life = ask_redis(redis, "EVAL", "redis.call('SELECT', 3) return redis.call('TTL', ARGV[1])", "0", key)
        self.assertTrue(168 * 3600 - 60 < life <= 168 * 3600)
        self.assertEqual(visitor.get(self.url()).text, "alice")
        self.works(other)

    def test_password_and_user(self) -> None:
        """A server with a user who may do what sessions need and nothing else; the password stands in a file."""
        _, redis = self.redis("--requirepass", "of-the-default-user")
        login = ("default", "of-the-default-user")
        needed = ("+get", "+set", "+del", "+eval", "+ping")
        words = ("ACL", "SETUSER", "app", "on", ">of-the-app", "~_oauth2_proxy-*", *needed)
        self.assertEqual(ask_redis(redis, *words, login=login), b"OK")
        password = self.folder() / "password"
        password.write_text("of-the-app\n")
        url = f"--redis-connection-url=redis://127.0.0.1:{redis}"
        self.guarded(url, "--redis-username=app", f"--redis-password-file={password}")
        self.works()
        self.guarded(f"--redis-connection-url=redis://:of-the-default-user@127.0.0.1:{redis}")
        self.works()

    def test_wrong_password(self) -> None:
        """A wrong password refuses requests with a reason in the log, and is not in it."""
        _, redis = self.redis("--requirepass", "the-right-one")
        sidecar = self.guarded(f"--redis-connection-url=redis://:the-wrong-one@127.0.0.1:{redis}")
        sidecar.await_line("it wants another user or password")
        answer = self.fetch("/", unknown())
        self.assertEqual((answer.status, json.loads(answer.body)["reason"]), (503, "session_store_unavailable"))
        self.assertNotIn("the-wrong-one", sidecar.output())

    def certified(self, by: Authority, *names: str) -> tuple[list[str], Path]:
        folder = self.folder()
        certified = by.certify(*names)
        for name, data in (("cert.pem", certified.chain), ("key.pem", certified.key), ("ca.pem", by.pem)):
            (folder / name).write_bytes(data)
        port = str(free_port())
        files = ["--tls-cert-file", str(folder / "cert.pem"), "--tls-key-file", str(folder / "key.pem")]
        more = ["--tls-ca-cert-file", str(folder / "ca.pem"), "--tls-auth-clients", "no"]
        return ["--tls-port", port, *files, *more], folder / "ca.pem"

    def test_tls(self) -> None:
        """TLS with an authority of one's own; the server must prove its name."""
        arguments, ca = self.certified(authority(), "127.0.0.1", "localhost")
        self.redis(*arguments)
        for host in ("127.0.0.1", "localhost"):
            self.guarded(f"--redis-connection-url=rediss://{host}:{arguments[1]}", f"--redis-ca-path={ca}")
            self.works()
        # oauth2-proxy speaks TLS where there is an authority, whatever the URL says.
        self.guarded(f"--redis-connection-url=redis://127.0.0.1:{arguments[1]}", f"--redis-ca-path={ca}")
        self.works()

    def test_tls_that_proves_nothing(self) -> None:
        """A certificate of an unknown authority, or for another name, is refused unless the operator says so."""
        strange, _ = self.certified(Authority("somebody"), "127.0.0.1")
        misnamed, ca = self.certified(authority(), "redis.example")
        self.redis(*strange)
        self.redis(*misnamed)
        for port, reason in ((strange[1], "is not trusted"), (misnamed[1], "the certificate is not for 127.0.0.1")):
            url = f"--redis-connection-url=rediss://127.0.0.1:{port}"
            self.guarded(url, f"--redis-ca-path={ca}").await_line(reason)
            self.assertEqual(self.who(unknown())[0], 503)
            self.guarded(url, "--redis-insecure-skip-tls-verify")
            self.works()

    def test_unix_socket(self) -> None:
        """A server that listens on a socket only."""
        # A socket's path has room for some hundred bytes.
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        path = f"{made.name}/r.sock"
        self.redis("--unixsocket", path, port=0)
        eventually("the socket", lambda: Path(path).exists())
        self.guarded(f"--redis-connection-url=unix://{path}")
        self.works()


class SentinelTests(SentinelCase):
    """A primary that is lost, or that stands still."""

    def test_fail_over(self) -> None:
        """When the primary ends, sessions go on with the one that the Sentinels promote."""
        self.watched()
        self.works()
        visitor = self.sign_in()
        login = ("default", "of-data")
        eventually("the copy", lambda: ask_redis(self.replica_port, "DBSIZE", login=login) == 1)
        self.primary.kill()
        page = eventually("the new primary", lambda: self.seen(visitor))
        self.assertEqual(page, "alice")
        self.works()

    def test_paused(self) -> None:
        """So they do when the primary stands still; when it goes on as a replica, nobody asks it."""
        self.watched()
        visitor = self.sign_in()
        login = ("default", "of-data")
        eventually("the copy", lambda: ask_redis(self.replica_port, "DBSIZE", login=login) == 1)
        with self.primary.standing_still():
            eventually("the new primary", lambda: self.seen(visitor))
        eventually("the old one's new role", self.is_a_replica)
        self.assertEqual(visitor.get(self.url()).text, "alice")
        self.works()

    def is_a_replica(self) -> bool:
        # Whose role changes ends the connections that it has.
        with contextlib.suppress(ConnectionError):
            role = ask_redis(self.primary_port, "ROLE", login=("default", "of-data"))
            return bool(role[0] == b"slave")
        return False

    def seen(self, visitor: Visitor) -> str:
        answer = visitor.get(self.url())
        self.assertIn(answer.status, {200, 503})
        return answer.text if answer.status == 200 else ""


class ClusterTests(RedisCase):
    """Three servers that share the slots."""

    def setUp(self) -> None:
        super().setUp()
        # Their own channel lies 10000 above a server's port, which may be taken or beyond the last one.
        self.channels = {self.member(channel): channel for channel in (free_port() for _ in range(3))}
        self.ports = list(self.channels)
        for index, port in enumerate(self.ports):
            first, last = index * 5462, min((index + 1) * 5462, 16384) - 1
            self.assertEqual(ask_redis(port, "CLUSTER", "ADDSLOTSRANGE", str(first), str(last)), b"OK")
            ask_redis(self.ports[0], "CLUSTER", "MEET", "127.0.0.1", str(port), str(self.channels[port]))
        eventually("the cluster", self.agrees)

    def agrees(self) -> bool:
        return all(b"cluster_state:ok" in ask_redis(port, "CLUSTER", "INFO") for port in self.ports)

    def member(self, channel: int) -> int:
        _, port = self.redis(
            "--cluster-enabled", "yes", "--cluster-port", str(channel), "--cluster-node-timeout", "2000"
        )
        return port

    def test_by_slot(self) -> None:
        """Sessions are spread over the servers, and found wherever they are."""
        urls = f"redis://127.0.0.1:{free_port()},redis://127.0.0.1:{self.ports[0]}"
        self.guarded("--redis-use-cluster", f"--redis-cluster-connection-urls={urls}")
        visitors = [self.sign_in() for _ in range(12)]
        self.assertTrue(all(ask_redis(port, "DBSIZE") for port in self.ports))
        self.assertEqual([visitor.get(self.url()).text for visitor in visitors], ["alice"] * 12)
        self.works()

    def test_moved(self) -> None:
        """Slots that move while sessions are used are followed."""
        self.guarded("--redis-use-cluster", f"--redis-cluster-connection-urls=redis://127.0.0.1:{self.ports[0]}")
        visitor = self.sign_in()
        [(source, key)] = [(port, keys[0]) for port in self.ports if (keys := ask_redis(port, "KEYS", "*"))]
        target = next(port for port in self.ports if port != source)
        slot = str(ask_redis(source, "CLUSTER", "KEYSLOT", key))
        ids = {port: ask_redis(port, "CLUSTER", "MYID") for port in self.ports}
        ask_redis(target, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
        ask_redis(source, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
        self.assertEqual(ask_redis(source, "MIGRATE", "127.0.0.1", str(target), key, "0", "5000"), b"OK")
        self.assertEqual(visitor.get(self.url()).text, "alice", "asked for where it goes")
        for port in self.ports:
            ask_redis(port, "CLUSTER", "SETSLOT", slot, "NODE", ids[target])
        eventually("a look at the store", lambda: visitor.get(self.url()).text == "alice")
        self.assertEqual(visitor.get(self.url("/oauth2/sign_out")).status, 302)
        self.assertEqual(ask_redis(target, "DBSIZE"), 0)


class PeerTests(RedisCase):
    """Sessions that oauth2-proxy stored."""

    def test_recorded(self) -> None:
        """What oauth2-proxy stored is found by its cookie, unless it is damaged or sealed with another ticket (S11)."""
        case = RECORDED["vectors"][0]
        _, redis = self.redis()
        url = f"--redis-connection-url=redis://127.0.0.1:{redis}"
        self.guarded(url, "--cookie-expire=87600h", "--redis-trust-time=0s", cookie_secret=case["cookie_secret"])
        pair, value = f"{case['cookie_name']}={case['cookie']}", base64.b64decode(case["value"])
        self.assertEqual(self.who(pair)[0], 401)
        other = Ticket(id=case["key"], secret=bytes(16)).seal(evolve(ALICE, created_at=time.time()))
        for stored, found in (
            (value, (200, RECORDED["session"]["user"])),
            (value[:-1] + bytes([value[-1] ^ 1]), (401, "")),
            (other, (401, "")),
            (b"", (401, "")),
            (value, (200, RECORDED["session"]["user"])),
        ):
            ask_redis(redis, b"SET", case["key"], stored)
            self.assertEqual(self.who(pair), found)
