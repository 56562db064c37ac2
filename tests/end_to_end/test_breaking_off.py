"""Who leaves in the middle of an exchange: the other side learns of it, and takes nothing for the whole that is not."""

from __future__ import annotations

import threading
from collections.abc import Callable

from tests.end_to_end.origin import Conversation, end_by_reset
from tests.end_to_end.sidecar_case import SidecarCase, receive_all, receive_until


class ClientGoneTests(SidecarCase):
    """A client that leaves takes its request along: the app sees the end, and works for nobody no more."""

    def leave(self, script: Callable[[Conversation], object], request: bytes, first: bytes = b"") -> None:
        """Send a request, wait for `first` of the answer, and leave, in order or not; the app must see it each time."""
        begun, seen = threading.Semaphore(0), threading.Semaphore(0)

        def watched(conversation: Conversation) -> None:
            script(conversation)
            begun.release()
            while not conversation.ended():
                pass
            seen.release()

        self.start(watched)
        for reset in (True, False):
            client = self.connect()
            client.sendall(request)
            self.assertTrue(begun.acquire(timeout=30), "the app was asked")
            if first:
                receive_until(client, first)
            if reset:
                end_by_reset(client)
            client.close()
            self.assertTrue(seen.acquire(timeout=30), f"the app saw the end; by a reset: {reset}")

    def test_while_it_waits(self) -> None:
        """It leaves before there is an answer."""
        self.leave(lambda conversation: None, b"GET /open/slow HTTP/1.1\r\nHost: app\r\n\r\n")

    def test_while_it_uploads(self) -> None:
        """It leaves in the middle of its body."""
        self.leave(
            lambda conversation: conversation.receive(),
            b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 1000\r\n\r\nsome of it",
        )

    def test_while_it_downloads(self) -> None:
        """It leaves in the middle of the answer."""
        begin = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome of it"
        self.leave(
            lambda conversation: conversation.send(begin),
            b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n",
            b"some of it",
        )

    def test_while_it_downloads_much(self) -> None:
        """It leaves an app that has more to send than anybody will take."""
        seen = threading.Semaphore(0)

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            try:
                while True:
                    conversation.send(b"10000\r\n%s\r\n" % bytes(1 << 16))
            except ConnectionError:
                seen.release()

        self.start(script)
        for reset in (True, False):
            client = self.connect()
            client.sendall(b"GET /open/down HTTP/1.1\r\nHost: app\r\n\r\n")
            receive_until(client, bytes(1 << 10))
            if reset:
                end_by_reset(client)
            client.close()
            self.assertTrue(seen.acquire(timeout=30), f"the app saw the end; by a reset: {reset}")


class AppGoneTests(SidecarCase):
    """An app that breaks off: the client can tell that its answer is not complete."""

    def answer_to(self, beginning: bytes, *, reset: bool = False) -> bytes:
        """What a client gets of an app that sends this and ends the connection."""

        def script(conversation: Conversation) -> None:
            conversation.send(beginning)
            if reset:
                end_by_reset(conversation.socket)

        self.start(script)
        client = self.connect()
        client.sendall(b"GET /open/x HTTP/1.1\r\nHost: app\r\nConnection: close\r\n\r\n")
        return receive_all(client)

    def test_in_a_counted_answer(self) -> None:
        """Content-Length promises more than there is."""
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        self.assertIn(b"Content-Length: 10\r\n", answer)
        self.assertTrue(answer.endswith(b"\r\n\r\n12345"), answer)

    def test_in_a_chunked_answer(self) -> None:
        """There is no last chunk."""
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")
        self.assertIn(b"Transfer-Encoding: chunked\r\n", answer)
        self.assertFalse(answer.endswith(b"0\r\n\r\n"), answer)

    def test_by_a_reset(self) -> None:
        """A reset in the middle is no end either, even where the end of the connection is that of the answer."""
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", reset=True)
        self.assertFalse(answer.endswith(b"0\r\n\r\n"), answer)
        answer = self.answer_to(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n12345", reset=True)
        self.assertFalse(answer.endswith(b"0\r\n\r\n"), answer)

    def test_in_an_upload(self) -> None:
        """An app that ends the connection while it is sent a body has failed: the client is told, and may stop."""
        for reset in (False, True):

            def script(conversation: Conversation, reset: bool = reset) -> None:
                conversation.receive()
                if reset:
                    end_by_reset(conversation.socket)

            self.start(script)
            client = self.connect()
            client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 1000000\r\n\r\nthe beginning")
            answer = receive_until(client, b"\r\n\r\n")
            self.assertTrue(answer.startswith(b"HTTP/1.1 502 "), answer)
            self.assertIn(b"connection: close\r\n", answer.lower())

    def test_before_its_answer(self) -> None:
        """Without a head there is a 502 of ours."""
        self.assertTrue(self.answer_to(b"").startswith(b"HTTP/1.1 502 "))
