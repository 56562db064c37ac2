"""Tests of file names: what a path may mean, and that no way leads out of the folder."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from urllib.parse import quote_from_bytes

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.upstream.files.names import OpenFile, name_of, open_without_links


class NameTests(SynchronousTestCase):
    """Paths to names."""

    def test_names(self) -> None:
        """A path is decoded once; a slash at its end, or nothing at all, means a folder."""
        for path, name in {
            b"": b"",
            b"a.txt": b"a.txt",
            b"sub/": b"sub/",
            b"sub/b.json": b"sub/b.json",
            b"%61%20b": b"a b",
            b"%C3%A4": b"\xc3\xa4",
            b"100%25": b"100%",
            b"%2561": b"%61",
            b"a;b=c": b"a;b=c",
            b"a.": b"a.",
            b"a..b": b"a..b",
            b".well-known/x": b".well-known/x",
            b".well-known/": b".well-known/",
        }.items():
            self.assertEqual(name_of(path), name, path)

    def test_refused(self) -> None:
        """Nothing is meant by dot segments and names with a dot in front, empty segments, encoded delimiters, controls.

        The writings are those of the U rules, and of other servers' advisories.
        """
        for path in (
            b"..",
            b"../x",
            b"a/../../x",
            b"a/..",
            b"./x",
            b"%2e%2e/x",
            b"%2E%2E/x",
            b".%2e/x",
            b"a/%2e%2e/%2e%2e/etc/passwd",
            b"..%2fx",
            b"..%5cx",
            b"..\\x",
            b"a\\b",
            b"a%2fb",
            b"a%2Fb",
            b"%2fetc/passwd",
            b"/",
            b"/etc/passwd",
            b"a//b",
            b"a//",
            b"..;/x",
            b".;/x",
            b"%00",
            b"a%00.txt",
            b".%00./x",
            b"a%0ab",
            b"a%7f",
            b"%",
            b"%2",
            b"%zz",
            b"%u002e%u002e/x",
            b".env",
            b".git/config",
            b"a/.htpasswd",
            b"%2ehtaccess",
            b"..data/x",
            b"a/.well-known/x",
            b".well-known/.env",
            b".well-known/../x",
            b".well-knownx",
        ):
            self.assertIsNone(name_of(path), path)

    @given(st.binary(max_size=40) | st.text(alphabet="./%2eEfF5cC0aA\\;", max_size=40).map(str.encode))
    def test_any_path(self, path: bytes) -> None:
        """A name never climbs: made absolute anywhere, it stays below that place."""
        name = name_of(path)
        if name is not None:
            self.assertNotIn(b"\0", name)
            inside = os.path.normpath(os.path.join(b"/srv/www", name))
            self.assertTrue(inside == b"/srv/www" or inside.startswith(b"/srv/www/"), name)

    @given(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=4))
    def test_written_and_read(self, segments: list[bytes]) -> None:
        """A name that may be served is found by its percent-encoded path."""
        path = b"/".join(quote_from_bytes(segment, safe="").encode() for segment in segments)
        name = name_of(path)
        self.assertIn(name, (None, b"/".join(segments)))


class OpenTests(SynchronousTestCase):
    """Names to files."""

    def setUp(self) -> None:
        """A folder with a file, and something beside it that is nobody's business."""
        self.top = Path(self.mktemp()).resolve()
        self.folder = self.top / "www"
        (self.folder / "sub").mkdir(parents=True)
        (self.folder / "a.txt").write_bytes(b"hello a\n")
        (self.folder / "sub" / "b.txt").write_bytes(b"b")
        (self.top / "secret.txt").write_bytes(b"secret")
        (self.top / "wwwx").mkdir()
        (self.top / "wwwx" / "c.txt").write_bytes(b"secret")

    def content(self, name: str, folder: Path | None = None) -> bytes:
        """The first bytes of what a name means."""
        file = OpenFile.below(os.fsencode(folder or self.folder), os.fsencode(name))
        self.addCleanup(file.close)
        self.assertEqual(file.size, len(file.read(0, 100)))
        return file.read(0, 100)

    def link(self, name: str, target: Path | str) -> None:
        """A symbolic link in the folder."""
        (self.folder / name).symlink_to(target)

    def test_files(self) -> None:
        """Files are opened at any depth, also where the folder itself is a link."""
        self.assertEqual(self.content("a.txt"), b"hello a\n")
        self.assertEqual(self.content("sub/b.txt"), b"b")
        current = self.top / "current"
        current.symlink_to(self.folder)
        self.assertEqual(self.content("sub/b.txt", current), b"b")

    def test_part(self) -> None:
        """Bytes are read from an offset, and none behind the end."""
        file = OpenFile.below(os.fsencode(self.folder), b"a.txt")
        self.addCleanup(file.close)
        self.assertEqual([file.read(1, 3), file.read(6, 9), file.read(8, 1)], [b"ell", b"a\n", b""])

    def test_links_that_stay_inside(self) -> None:
        """A link to something below the folder is followed, as Kubernetes makes them for mounted ConfigMaps."""
        (self.folder / "..2026_11").mkdir()
        (self.folder / "..2026_11" / "k.txt").write_bytes(b"k")
        self.link("..data", "..2026_11")
        self.link("k.txt", "..data/k.txt")
        self.link("other", "sub")
        self.assertEqual(self.content("k.txt"), b"k")
        self.assertEqual(self.content("other/b.txt"), b"b")

    def test_links_that_leave(self) -> None:
        """A link that leads out is no file, by whatever way it does."""
        self.link("one", "../secret.txt")
        self.link("two", self.top / "secret.txt")
        self.link("up", "..")
        self.link("chain", "up/secret.txt")
        self.link("sibling", "../wwwx")
        self.link("root", "/")
        for name in (
            "one",
            "two",
            "up/secret.txt",
            "chain",
            "sibling/c.txt",
            "root/etc/passwd",
            "up/www/../secret.txt",
        ):
            with self.assertRaises(FileNotFoundError, msg=name):
                self.content(name)

    def test_links_that_come_too_late(self) -> None:
        """Once it is known where a name leads, no link is followed any more: not the last, nor one on the way."""
        self.link("one", "a.txt")
        self.link("other", "sub")
        for segments in ([b"one"], [b"other", b"b.txt"], [b"sub", b"..", b"one"]):
            with self.assertRaises(OSError, msg=segments):
                open_without_links(os.fsencode(self.folder), segments)

    def test_links_in_circles(self) -> None:
        """Links that lead nowhere are no files."""
        self.link("loop", "loop")
        self.link("gone", "nothing")
        for name in ("loop", "gone", "loop/x"):
            with self.assertRaises(OSError, msg=name):
                self.content(name)

    def test_what_is_no_file(self) -> None:
        """Folders are told apart; pipes and sockets are no files, and opening them does not wait."""
        with self.assertRaises(IsADirectoryError):
            self.content("sub")
        with self.assertRaises(IsADirectoryError):
            self.content("")
        os.mkfifo(self.folder / "pipe")
        with self.assertRaises(FileNotFoundError):
            self.content("pipe")
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        before = Path.cwd()
        os.chdir(self.folder)  # a socket's path must be short
        self.addCleanup(os.chdir, before)
        listener.bind("socket")
        with self.assertRaises(OSError):
            self.content("socket")
        for name in ("nothing", "a.txt/x", "x" * 300, "sub/x/y"):
            with self.assertRaises(OSError, msg=name):
                self.content(name)

    def test_nothing_stays_open(self) -> None:
        """However it ends, no descriptor is left behind."""
        before = len(os.listdir("/proc/self/fd"))
        self.link("one", "../secret.txt")
        for name in ("a.txt", "sub/b.txt", "sub", "nothing", "sub/x/y", "one", "a.txt/x"):
            try:
                OpenFile.below(os.fsencode(self.folder), os.fsencode(name)).close()
            except OSError:
                continue
        self.assertEqual(len(os.listdir("/proc/self/fd")), before)
