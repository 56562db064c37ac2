"""Tests of a folder in the place of an app, as its clients meet it."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.http.exchange import Exchange
from o2sidecar.http.upstream.files.folder import Folder
from o2sidecar.identity import HeaderRule, HeaderSource, IdentityHeaders
from o2sidecar.proxy import plain_refusal
from o2sidecar.refusals import Refusal
from o2sidecar.session.session import Session
from tests.wire import Listening, Wire

WHEN = 784111777
"""Sun, 06 Nov 1994 08:49:37 GMT."""
MIB = 1 << 20
PIECES = 4 * 64 * 1024
"""Bytes that are sent in a row."""


class FolderCase(SynchronousTestCase):
    """A folder with some files, and a server that serves it below `/files/`."""

    def setUp(self) -> None:
        """What is recorded in up-file, and a dot file."""
        self.folder = Path(self.mktemp()).resolve()
        for name, text in {
            "index.html": "<p>index</p>\n",
            "a.txt": "hello a\n",
            "empty.txt": "",
            "sub/b.json": '{"b":1}',
            "with/index.html": "with",
            "with:colon/index.html": "colon",
            ".env": "SECRET=1",
            ".well-known/security.txt": "Contact: mailto:a@example.com\n",
            "emptydir/.keep": "",
        }.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            os.utime(path, (WHEN, WHEN))
        self.refused: list[Refusal] = []
        self.listening = Listening(self.serve)
        self.serving = self.made()

    def made(self, prefix: bytes = b"/files/") -> Folder:
        """The folder as a resource."""
        return Folder(
            str(self.folder),
            prefix=prefix,
            name="files",
            clock=self.listening.clock,
            random=lambda size: b"\xab" * size,
            refuse=self.refuse,
        )

    def serve(self, exchange: Exchange) -> None:
        self.serving.serve(exchange)

    def refuse(self, exchange: Exchange, refusal: Refusal) -> None:
        self.refused.append(refusal)
        plain_refusal(exchange, refusal)

    def ask(self, target: bytes, *fields: bytes, method: bytes = b"GET") -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, fields and body of an answer."""
        self.listening.clock.rightNow = WHEN + 86400.0
        client = self.listening.client()
        client.send(b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: a", *fields, b"", b""]))
        for _ in range(100):
            self.listening.clock.advance(0)
        head, _, body = client.take().partition(b"\r\n\r\n")
        line, *lines = head.split(b"\r\n")
        told = {name.lower(): value for name, _, value in (each.partition(b": ") for each in lines)}
        if method != b"HEAD" and b"content-length" in told:
            self.assertEqual(int(told[b"content-length"]), len(body))
        self.assertFalse(client.aborted)
        return int(line.split(b" ")[1]), told, body

    def status(self, target: bytes, *fields: bytes, method: bytes = b"GET") -> int:
        """The status of an answer."""
        return self.ask(target, *fields, method=method)[0]

    def big(self, size: int) -> bytes:
        """A file `big` of this size; its content."""
        content = os.urandom(1024) * (size // 1024) + b"x" * (size % 1024)
        (self.folder / "big").write_bytes(content)
        return content

    def download(self) -> Wire:
        """A client that has asked for `big`."""
        client = self.listening.client()
        client.send(b"GET /files/big HTTP/1.1\r\nHost: a\r\n\r\n")
        return client

    def open_files(self) -> int:
        """How many descriptors lead into the folder."""
        links = [os.path.join("/proc/self/fd", each) for each in os.listdir("/proc/self/fd")]
        return sum(os.readlink(each).startswith(str(self.folder)) for each in links if os.path.lexists(each))


class FileTests(FolderCase):
    """Which file is served, and with which fields."""

    def test_recorded(self) -> None:
        """The recorded answers (up-file), without listings (CONTRACT §10 #29)."""
        for target, status, kind, body in (
            (b"/files/a.txt", 200, b"text/plain; charset=utf-8", b"hello a\n"),
            (b"/files/sub/b.json", 200, b"application/json", b'{"b":1}'),
            (b"/files/", 200, b"text/html; charset=utf-8", b"<p>index</p>\n"),
            (b"/files/?a=b", 200, b"text/html; charset=utf-8", b"<p>index</p>\n"),
            (b"/files/index.html", 200, b"text/html; charset=utf-8", b"<p>index</p>\n"),
            (b"/files/empty.txt", 200, b"text/plain; charset=utf-8", b""),
            (b"/files/.well-known/security.txt", 200, b"text/plain; charset=utf-8", b"Contact: mailto:a@example.com\n"),
        ):
            answer = self.ask(target)
            self.assertEqual((answer[0], answer[1][b"content-type"], answer[2]), (status, kind, body))

    def test_nothing(self) -> None:
        """404 for what is not there, for folders without an index, with or without the slash, and for dot files."""
        for target in (
            b"/files/missing",
            b"/files/sub",
            b"/files/sub/",
            b"/files/emptydir/",
            b"/files/a.txt/",
            b"/files/a.txt/x",
            b"/files/.env",
            b"/files/%2eenv",
            b"/files//etc/passwd",
            b"/files/%2e%2e/%2e%2e/etc/passwd",
            b"/files/..%2f..%2fetc/passwd",
            b"/files/a.txt%00",
            b"/files/" + b"x" * 300,
        ):
            self.assertEqual(self.status(target), 404, target)
        self.assertEqual({refusal.reason for refusal in self.refused}, {"no_file"})

    def test_fields(self) -> None:
        """A file has validators, its length, and takes ranges; its type is not to be guessed at."""
        _, told, _ = self.ask(b"/files/a.txt")
        self.assertEqual(told[b"last-modified"], b"Sun, 06 Nov 1994 08:49:37 GMT")
        self.assertEqual((told[b"accept-ranges"], told[b"x-content-type-options"]), (b"bytes", b"nosniff"))
        self.assertIn(b"etag", told)
        self.assertNotIn(b"cache-control", told)

    def test_folder_without_slash(self) -> None:
        """A folder that has an index is redirected to the path with a slash, the query behind it."""
        for target, location in (
            (b"/files/with", b"./with/"),
            (b"/files/with?a=b", b"./with/?a=b"),
            (b"/files/with%3Acolon", b"./with%3Acolon/"),
            (b"/files/with:colon", b"./with:colon/"),
        ):
            status, told, _ = self.ask(target)
            self.assertEqual((status, told[b"location"]), (301, location))

    def test_head(self) -> None:
        """HEAD has the fields of GET and no body; a range means nothing to it."""
        _, told, _ = self.ask(b"/files/a.txt")
        for fields in ((), (b"Range: bytes=0-1",)):
            status, head, body = self.ask(b"/files/a.txt", *fields, method=b"HEAD")
            self.assertEqual((status, head, body), (200, told, b""))
        self.assertEqual(self.status(b"/files/missing", method=b"HEAD"), 404)

    def test_methods(self) -> None:
        """Other methods are refused, and told which are not (RFC 9110 §15.5.6)."""
        for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"PROPFIND"):
            status, told, _ = self.ask(b"/files/a.txt", b"Content-Length: 0", method=method)
            self.assertEqual((status, told[b"allow"]), (405, b"GET, HEAD"))
        self.assertEqual((self.folder / "a.txt").read_text(), "hello a\n")

    def test_trouble(self) -> None:
        """When a file cannot be opened though it may be there, that is our fault, and the operator is told why."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most[1]))
        try:
            status = self.status(b"/files/a.txt")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, most)
        self.assertEqual((status, self.refused[0].reason), (502, "file_not_opened"))
        self.assertIn("Too many open files", self.refused[0].detail)
        self.assertEqual(self.status(b"/files/a.txt"), 200)

    def test_links(self) -> None:
        """Links out of the folder and in circles are nothing, and so is everything when the folder is gone."""
        (self.folder / "out").symlink_to("/etc/passwd")
        self.assertEqual(self.status(b"/files/out"), 404)
        (self.folder / "loop").symlink_to("loop")
        self.assertEqual(self.status(b"/files/loop"), 404)
        os.rename(self.folder, f"{self.folder}-away")
        self.assertEqual(self.status(b"/files/a.txt"), 404)

    def test_folder_is_looked_up_anew(self) -> None:
        """A folder that is a link may be changed while requests are served."""
        one, two = Path(self.mktemp()).resolve(), Path(self.mktemp()).resolve()
        for folder in (one, two):
            folder.mkdir()
            (folder / "x.txt").write_text(folder.name)
        os.rename(self.folder, f"{self.folder}-away")
        self.folder.symlink_to(one)
        self.assertEqual(self.ask(b"/files/x.txt")[2], one.name.encode())
        self.folder.unlink()
        self.folder.symlink_to(two)
        self.assertEqual(self.ask(b"/files/x.txt")[2], two.name.encode())

    def test_other_targets(self) -> None:
        """With a new target that counts, while redirects are relative to what the client asked for."""
        self.serving = self.made(b"/")
        listening = Listening(lambda exchange: self.serving.pass_on(exchange, b"/with"))
        answer = listening.ask(b"GET /old/place?q HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertIn(b"\r\nLocation: ./place/?q\r\n", answer)

    def test_exact_path(self) -> None:
        """Below a path without a slash there is nothing but the folder's index."""
        self.serving = self.made(b"/files")
        self.assertEqual(self.ask(b"/files")[2], b"<p>index</p>\n")

    def test_identity(self) -> None:
        """The browser is told who it is as with an app's answer; the log, what served it."""
        rule = HeaderRule(name="GAP-Auth", sources=(HeaderSource(claim="email"),))
        headers = IdentityHeaders(request_rules=(), response_rules=(rule,), auth_rules=())
        who = headers.identify(Session(email="a@example.com"))

        def serve(exchange: Exchange) -> None:
            exchange.identity = who
            self.serving.serve(exchange)

        self.listening = Listening(serve)
        for target in (b"/files/a.txt", b"/files/missing"):
            self.assertEqual(self.ask(target)[1][b"gap-auth"], b"a@example.com")
        self.assertEqual(self.listening.exchanges[0].upstream, "files")


class PartTests(FolderCase):
    """Conditions and ranges."""

    def test_not_modified(self) -> None:
        """304 has the validators and neither body nor length."""
        _, told, _ = self.ask(b"/files/a.txt")
        for field in (b"If-None-Match: " + told[b"etag"], b"If-Modified-Since: " + told[b"last-modified"]):
            status, again, body = self.ask(b"/files/a.txt", field)
            self.assertEqual((status, again[b"etag"], body), (304, told[b"etag"], b""))
            self.assertNotIn(b"content-length", again)
            self.assertNotIn(b"content-type", again)

    def test_changed(self) -> None:
        """A file that is written anew has another tag, even with the same length."""
        _, told, _ = self.ask(b"/files/a.txt")
        (self.folder / "a.txt").write_text("hello b\n")
        status, _, body = self.ask(b"/files/a.txt", b"If-None-Match: " + told[b"etag"])
        self.assertEqual((status, body), (200, b"hello b\n"))

    def test_precondition(self) -> None:
        """412 has no body."""
        status, _, body = self.ask(b"/files/a.txt", b'If-Match: "x"')
        self.assertEqual((status, body), (412, b""))

    def test_range(self) -> None:
        """A part says where it is from (recorded: bytes=0-4)."""
        for asked, where, part in (
            (b"0-4", b"bytes 0-4/8", b"hello"),
            (b"6-", b"bytes 6-7/8", b"a\n"),
            (b"-2", b"bytes 6-7/8", b"a\n"),
            (b"0-0,99-", b"bytes 0-0/8", b"h"),
        ):
            status, told, body = self.ask(b"/files/a.txt", b"Range: bytes=" + asked)
            self.assertEqual((status, told[b"content-range"], body), (206, where, part))

    def test_ranges(self) -> None:
        """Several parts come in one body."""
        status, told, body = self.ask(b"/files/a.txt", b"Range: bytes=0-1,6-7")
        boundary = b"ab" * 12
        self.assertEqual(status, 206)
        self.assertEqual(told[b"content-type"], b"multipart/byteranges; boundary=" + boundary)
        self.assertNotIn(b"content-range", told)
        self.assertEqual(body.count(b"--" + boundary), 3)
        self.assertIn(b"Content-Range: bytes 6-7/8\r\n\r\na\n\r\n--", body)

    def test_unsatisfiable(self) -> None:
        """416 says how long the file is (§15.5.17)."""
        status, told, _ = self.ask(b"/files/a.txt", b"Range: bytes=8-")
        self.assertEqual((status, told[b"content-range"]), (416, b"bytes */8"))

    def test_whole_instead(self) -> None:
        """A range that does not count, or is of another state of the file, gets the whole."""
        _, told, whole = self.ask(b"/files/a.txt")
        for fields in (
            (b"Range: bytes=4-2",),
            (b"Range: bytes=0-1", b"Range: bytes=2-3"),
            (b"Range: bytes=0-1", b'If-Range: "x"'),
            (b"Range: bytes=99-", b'If-Range: "x"'),
            (b"Range: bytes=0-1", b"If-Range: " + told[b"last-modified"]),
        ):
            self.assertEqual(self.ask(b"/files/a.txt", *fields), (200, told, whole))
        self.assertEqual(self.status(b"/files/a.txt", b"Range: bytes=0-1", b"If-Range: " + told[b"etag"]), 206)

    def test_conditions_come_first(self) -> None:
        """What the client has already is not sent in parts."""
        _, told, _ = self.ask(b"/files/a.txt")
        fields = (b"Range: bytes=0-1", b"If-None-Match: " + told[b"etag"])
        self.assertEqual(self.status(b"/files/a.txt", *fields), 304)


class SendingTests(FolderCase):
    """Large files."""

    def test_whole(self) -> None:
        """Every byte arrives, in turns between which others are served."""
        content = self.big(MIB + 7)
        client = self.download()
        first = client.take()
        self.assertLess(len(first), PIECES + 1000)
        for _ in range(20):
            self.listening.clock.advance(0)
        self.assertEqual((first + client.take()).partition(b"\r\n\r\n")[2], content)
        self.assertEqual(self.listening.log, [(b"/files/big", 200, len(content))])
        self.assertEqual(self.open_files(), 0)
        client.send(b"GET /files/a.txt HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertTrue(client.take().endswith(b"hello a\n"))

    def test_slow_client(self) -> None:
        """Nothing is read while the client does not keep up, however long that takes; then all of it comes."""
        content = self.big(MIB)
        client = self.download()
        got = client.take()
        client.stall()
        for _ in range(20):
            self.listening.clock.advance(0)
            got += client.take()
        self.assertLess(len(got), PIECES + 1000)
        client.drain()
        for _ in range(20):
            self.listening.clock.advance(0)
        self.assertEqual((got + client.take()).partition(b"\r\n\r\n")[2], content)

    def test_client_gone(self) -> None:
        """When the client goes the file is closed and no turn is left."""
        self.big(MIB)
        client = self.download()
        self.assertEqual(self.open_files(), 1)
        client.reset()
        self.assertEqual(self.open_files(), 0)
        self.assertEqual([call for call in self.listening.clock.getDelayedCalls() if call.getTime() <= 0], [])

    def test_client_gone_before(self) -> None:
        """For a client that is gone already nothing is opened for long."""
        self.big(MIB)
        held: list[Exchange] = []
        self.listening = Listening(held.append)
        client = self.download()
        client.reset()
        self.serving.serve(held[0])
        self.assertEqual(self.open_files(), 0)

    def test_becomes_shorter(self) -> None:
        """When the file is cut while it is sent, the client can tell that the answer is not complete."""
        self.big(MIB)
        client = self.download()
        os.truncate(self.folder / "big", 300_000)
        for _ in range(20):
            self.listening.clock.advance(0)
        self.assertTrue(client.ended)
        self.assertLess(len(client.take()), MIB)
        self.assertEqual(self.open_files(), 0)
        self.assertEqual(self.listening.exchanges[0].reason, "file_changed")

    def test_becomes_longer(self) -> None:
        """Only the announced length is sent of a file that grows."""
        content = self.big(MIB)
        client = self.download()
        with (self.folder / "big").open("ab") as file:
            file.write(b"more")
        for _ in range(20):
            self.listening.clock.advance(0)
        self.assertEqual(client.take().partition(b"\r\n\r\n")[2], content)

    def test_large_range(self) -> None:
        """A part of a large file is read from its own offset."""
        content = self.big(MIB)
        status, _, body = self.ask(b"/files/big", b"Range: bytes=1000-700000")
        self.assertEqual((status, body), (206, content[1000:700001]))
        _, _, body = self.ask(b"/files/big", b"Range: bytes=1000-299999,400000-699999")
        self.assertIn(content[1000:300000], body)
        self.assertIn(content[400000:700000], body)
