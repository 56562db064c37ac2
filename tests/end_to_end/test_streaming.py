"""Bodies on their way through a real process: each piece as it comes, in both directions."""

from __future__ import annotations

import threading

from tests.end_to_end.origin import Conversation
from tests.end_to_end.sidecar_case import SidecarCase, receive_all, receive_until


class PieceByPieceTests(SidecarCase):
    """Nothing waits for what comes behind it."""

    def test_events(self) -> None:
        """Each server-sent event arrives before the next one is sent."""
        arrived = threading.Semaphore(0)

        def script(conversation: Conversation) -> None:
            conversation.send(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            for number in range(5):
                event = b"data: %d\n\n" % number
                conversation.send(b"%x\r\n%s\r\n" % (len(event), event))
                if not arrived.acquire(timeout=30):
                    raise AssertionError(f"event {number} did not arrive")
            conversation.send(b"0\r\n\r\n")

        self.start(script)
        client = self.connect()
        client.sendall(b"GET /open/events HTTP/1.1\r\nHost: app\r\nAccept: text/event-stream\r\n\r\n")
        received = b""
        for number in range(5):
            while b"data: %d\n\n" % number not in received:
                received += client.recv(1 << 16)
            arrived.release()
        self.assertTrue((received + receive_until(client, b"0\r\n\r\n")).endswith(b"0\r\n\r\n"))

    def test_both_ways_at_once(self) -> None:
        """An app may answer each piece of a request before the next one is sent (as gRPC-style bodies do)."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            received = b""
            for number in range(5):
                while b"question %d" % number not in received:
                    received += conversation.receive()
                answer = b"answer %d" % number
                conversation.send(b"%x\r\n%s\r\n" % (len(answer), answer))
            while b"0\r\n\r\n" not in received:
                received += conversation.receive()
            conversation.send(b"0\r\n\r\n")

        self.start(script)
        client = self.connect()
        client.sendall(b"POST /open/talk HTTP/1.1\r\nHost: app\r\nTransfer-Encoding: chunked\r\n\r\n")
        received = b""
        for number in range(5):
            question = b"question %d" % number
            client.sendall(b"%x\r\n%s\r\n" % (len(question), question))
            while b"answer %d" % number not in received:
                received += client.recv(1 << 16)
        client.sendall(b"0\r\n\r\n")
        if b"0\r\n\r\n" not in received:
            receive_until(client, b"0\r\n\r\n")

    def test_continue(self) -> None:
        """A client that waits for 100 is told when the app says so, and its body then goes through."""

        def script(conversation: Conversation) -> None:
            self.assertIn(b"expect: 100-continue", conversation.head.lower())
            self.assertEqual(conversation.rest, b"")
            conversation.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            taken = conversation.take_body()
            conversation.send(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nX-Taken: %d\r\n\r\n" % taken)

        self.start(script)
        client = self.connect()
        client.sendall(b"PUT /open/up HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        self.assertTrue(receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 100 "))
        client.sendall(b"12345")
        self.assertIn(b"X-Taken: 5", receive_until(client, b"\r\n\r\n"))

    def test_refused_before_the_body(self) -> None:
        """A client that waits for 100 gets the app's refusal, and never sends its body."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.assertTrue(conversation.ended())

        self.start(script)
        client = self.connect()
        client.sendall(b"PUT /open/up HTTP/1.1\r\nHost: app\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
        self.assertTrue(receive_until(client, b"\r\n\r\n").startswith(b"HTTP/1.1 413 "))

    def test_early_answer(self) -> None:
        """An app's answer reaches the client while the upload still runs, and the connection then ends."""

        def script(conversation: Conversation) -> None:
            conversation.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
            conversation.ended()

        self.start(script)
        client = self.connect()
        client.sendall(b"POST /open/up HTTP/1.1\r\nHost: app\r\nContent-Length: 1000000\r\n\r\nthe beginning")
        answer = receive_all(client)
        self.assertTrue(answer.startswith(b"HTTP/1.1 403 "), answer)
        self.assertIn(b"connection: close", answer.lower())
        self.assertTrue(answer.endswith(b"no"), answer)
