"""Tests for `o2sidecar.providers.kept_documents`, and of starts while the provider is away."""

from __future__ import annotations

import json
import os
import resource
from base64 import b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, execute
from twisted.internet.error import ConnectionRefusedError
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.providers import oidc
from o2sidecar.providers.kept_documents import KeptDocuments
from o2sidecar.providers.oidc_provider import OidcProvider
from o2sidecar.refusals import ProviderFailed, ProviderUnavailable
from o2sidecar.session.session import Session
from tests.fakes import (
    CLIENT_ID,
    CLIENT_SECRET,
    ISSUER,
    NOW,
    Wire,
    answering,
    id_token,
    public_jwk,
    signing_key,
    silent,
)

NAME = ("metadata", ISSUER, "")


def at_once(call: Callable[..., None], *args: Any) -> Deferred[None]:
    return execute(call, *args)


def in_little_space(call: Callable[..., None], *args: Any) -> Deferred[None]:
    """Call a function that can write ten bytes to a file and no more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        return execute(call, *args)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class FolderTests(SynchronousTestCase):
    """`KeptDocuments`."""

    def setUp(self) -> None:
        self.folder = Path(self.mktemp())
        self.now = NOW
        self.documents = self.of(str(self.folder))

    def of(self, folder: str, **more: Any) -> KeptDocuments:
        return KeptDocuments(folder, **{"now": lambda: self.now, "in_thread": at_once, **more})

    def recalled(self, *name: str) -> bytes | None:
        found = self.documents.recall(*(name or NAME))
        return found.body if found else None

    def file(self) -> Path:
        [path] = self.folder.iterdir()
        return path

    def test_kept(self) -> None:
        """What was kept is there for the next process, byte for byte, and only for its own name."""
        self.assertIsNone(self.recalled())
        self.documents.keep(b"\x00{}", *NAME)
        self.documents.keep(b"new", *NAME)
        self.documents = self.of(str(self.folder))
        self.assertEqual(self.recalled(), b"new")
        for name in (("metadata", "https://other.example", ""), ("keys", ISSUER, ""), ("metadata", ISSUER, "x")):
            self.assertIsNone(self.recalled(*name))

    def test_modes(self) -> None:
        """Folder and file are nobody else's, and nothing else is left beside."""
        self.documents.keep(b"x", *NAME)
        self.assertEqual(self.folder.stat().st_mode & 0o777, 0o700)
        self.assertEqual(self.file().stat().st_mode & 0o777, 0o600)

    def test_age(self) -> None:
        """It counts for so long and no longer, and not if it is from the future."""
        self.documents = self.of(str(self.folder), max_age=60.0)
        self.documents.keep(b"x", *NAME)
        self.now += 59
        found = self.documents.recall(*NAME)
        assert found is not None
        self.assertEqual((found.fetched_at, found.good_until), (NOW, NOW + 60))
        for moment in (NOW + 60, NOW - 1):
            self.now = moment
            self.assertIsNone(self.recalled())

    def test_another_issuers(self) -> None:
        """A file that was moved into the place of another is not taken for it."""
        self.documents.keep(b"evil", "metadata", "https://evil.example", "")
        moved = self.file().read_bytes()
        self.file().unlink()
        self.documents.keep(b"good", *NAME)
        self.file().write_bytes(moved)
        self.assertIsNone(self.recalled())

    def test_who_may_have_written_it(self) -> None:
        """A file that others may write, a link and what is no file at all are not read."""
        self.documents.keep(b"x", *NAME)
        path = self.file()
        for mode in (0o620, 0o602):
            path.chmod(mode)
            self.assertIsNone(self.recalled())
        path.chmod(0o600)
        self.assertEqual(self.recalled(), b"x")
        aside = path.rename(self.folder / "aside")
        path.symlink_to(aside)
        self.assertIsNone(self.recalled())
        path.unlink()
        os.mkfifo(path)
        self.assertIsNone(self.recalled())

    def test_damaged(self) -> None:
        """A file that is cut, too large or changed is as good as none."""
        self.documents.keep(b"x" * 100, *NAME)
        path, good = self.file(), json.loads(self.file().read_bytes())
        changes: tuple[dict[str, Any], ...] = (
            {"format": 2},
            {"name": []},
            {"fetched_at": "1"},
            {"body": "*"},
            {"body": None},
        )
        wrong: tuple[Any, ...] = (
            path.read_bytes()[:-5],
            b"",
            b"[]",
            b"[" * 5000,
            b" " * (5 << 20),
            *(json.dumps({**good, **change}).encode() for change in changes),
        )
        for content in wrong:
            path.write_bytes(content)
            self.assertIsNone(self.recalled(), content[:40])

    @given(st.binary(max_size=200))
    def test_any_file(self, content: bytes) -> None:
        """Whatever a file holds, it is judged without an exception."""
        self.documents.keep(b"x", *NAME)
        self.file().write_bytes(content)
        self.assertIsNone(self.recalled())

    def test_no_folder_to_write_to(self) -> None:
        """A folder that cannot be written, or that is none, costs nothing but what would have been kept."""
        Path(self.folder).write_bytes(b"")
        self.documents.keep(b"x", *NAME)
        self.assertIsNone(self.recalled())
        self.documents = self.of("/proc/nowhere")
        self.documents.keep(b"x", *NAME)
        self.documents.keep(b"x", *NAME)
        self.assertIsNone(self.recalled())

    def test_full_disk(self) -> None:
        """What could not be written whole leaves what was there before, and nothing beside it."""
        self.documents.keep(b"old", *NAME)
        self.of(str(self.folder), in_thread=in_little_space).keep(b"new", *NAME)
        self.assertEqual(self.recalled(), b"old")
        self.file()

    def test_at_the_same_moment(self) -> None:
        """Entries of one issuer write the same file: each write is whole, and nothing of them is left beside it."""
        calls: list[Callable[[], None]] = []

        def later(call: Callable[..., None], *arguments: Any) -> Deferred[None]:
            calls.append(partial(call, *arguments))
            return Deferred()

        bodies = {bytes([n]) * 20000 for n in range(64)}
        for body in bodies:
            self.of(str(self.folder), in_thread=later).keep(body, *NAME)
        with ThreadPoolExecutor(16) as threads:
            for written in [threads.submit(call) for call in calls]:
                written.result()
        self.assertIn(self.recalled(), bodies)
        self.file()


class StartWhileAwayTests(SynchronousTestCase):
    """A process that starts while the provider is away, with what the one before it kept."""

    def setUp(self) -> None:
        self.wire = Wire()
        self.fake = self.wire.provider
        self.folder = self.mktemp()
        documents = KeptDocuments(self.folder, now=self.wire.clock.seconds, in_thread=at_once)
        self.wire.surroundings = evolve(self.wire.surroundings, documents=documents)
        before = self.provider()
        self.wire.result(before.start())
        self.assertIsInstance(self.bearer(before), Session)
        before.stop()
        self.fake.asked.clear()

    def provider(self, **options: Any) -> OidcProvider:
        named = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "oidc_issuer_url": ISSUER, **options}
        made = oidc.build(oidc.Options(**named), self.wire.surroundings)
        self.addCleanup(made.stop)
        return made

    def bearer(self, provider: OidcProvider, **token: Any) -> Session | BaseException:
        return self.wire.outcome(provider.token_issuer.session(id_token(**token)))

    def test_people_and_tokens(self) -> None:
        """People are sent to the provider and bearer tokens hold, at once, though it hangs."""
        self.fake.instead |= {"/.well-known/openid-configuration": silent, "/jwks": silent}
        provider = self.provider()
        self.wire.begin(provider.start())
        self.assertEqual(self.wire.result(provider.authorization_endpoint()), f"{ISSUER}/authorize")
        self.assertIsInstance(self.bearer(provider), Session)
        self.assertEqual(provider.trouble(), "")
        self.assertEqual(self.fake.paths(), ["/.well-known/openid-configuration", "/jwks"], "both are asked for")
        forged = self.wire.begin(provider.token_issuer.session(id_token(signing_key("rogue"))))
        self.wire.clock.advance(10)
        self.failureResultOf(forged, ProviderFailed)

    def test_new_keys(self) -> None:
        """What the provider says as soon as it answers goes before what was kept."""
        self.fake.discovery["token_endpoint"] = f"{ISSUER}/new"
        self.fake.jwks = [public_jwk(signing_key("other"), kid="new")]
        provider = self.provider()
        self.wire.result(provider.start())
        self.bearer(provider)
        self.assertIsInstance(self.bearer(provider, key=signing_key("other"), kid="new"), Session)
        self.assertIsInstance(self.bearer(provider), ProviderFailed, "the old key is gone")

    def test_too_old(self) -> None:
        """What was kept counts for a day, also in a process that took it in time."""
        self.wire.cut(ConnectionRefusedError())
        provider = self.provider()
        self.wire.result(provider.start())
        self.assertIsInstance(self.bearer(provider, exp=int(NOW) + 200_000), Session)
        self.wire.clock.advance(86_400)
        self.assertIsInstance(self.wire.outcome(provider.authorization_endpoint()), ProviderUnavailable)
        self.assertIsInstance(self.bearer(provider, exp=int(NOW) + 200_000), ProviderUnavailable)
        self.assertIsInstance(self.wire.outcome(self.provider().authorization_endpoint()), ProviderUnavailable)

    def test_judged_as_strictly(self) -> None:
        """A kept document that would be refused if it were fetched is refused."""
        self.wire.cut(ConnectionRefusedError())
        changes: tuple[dict[str, Any], ...] = (
            {"jwks_uri": "http://evil.example/"},
            {"issuer": "https://evil.example"},
            {"token_endpoint": 1},
        )
        for change in changes:
            for path in Path(self.folder).iterdir():
                record = json.loads(path.read_bytes())
                document = {**self.fake._document(), **change}
                record["body"] = b64encode(json.dumps(document).encode()).decode()
                path.write_bytes(json.dumps(record).encode())
            provider = self.provider()
            self.wire.result(provider.start())
            self.assertIsInstance(self.wire.outcome(provider.authorization_endpoint()), ProviderUnavailable)
            self.assertTrue(provider.trouble())

    def test_another_issuer(self) -> None:
        """What one issuer published is of no use to another, nor to one whose keys are said to be elsewhere."""
        self.wire.cut(ConnectionRefusedError())
        other = self.provider(oidc_issuer_url="https://other.example")
        self.assertIsInstance(self.wire.outcome(other.authorization_endpoint()), ProviderUnavailable)
        elsewhere = self.provider(oidc_jwks_url=f"{ISSUER}/other-keys")
        self.assertIsInstance(self.bearer(elsewhere), ProviderUnavailable)

    def test_what_is_bad_is_not_kept(self) -> None:
        """An answer that cannot be used does not come in the place of a good one."""
        self.fake.instead |= {"/.well-known/openid-configuration": answering({}), "/jwks": answering({"keys": 1})}
        provider = self.provider()
        self.wire.result(provider.start())
        self.bearer(provider)
        self.wire.cut(ConnectionRefusedError())
        self.assertIsInstance(self.bearer(self.provider()), Session)
