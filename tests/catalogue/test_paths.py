"""Catalogue U: what a request is judged by is what the app gets; where that could mean two things, it is not open."""

from __future__ import annotations

from tests.catalogue.hostile_case import HostileCase, get, post
from tests.catalogue.strict import read_answers
from tests.catalogue.whole import ALICE, SETTINGS, Whole, pair, settings

SIGNED_IN = b"Cookie: " + pair(ALICE)
ANYWHERE = settings(SKIP_AUTH_ROUTES="/public/")
ALL_BUT = settings(SKIP_AUTH_ROUTES="!=^/admin")
BEHIND_A_PROXY = settings("--reverse-proxy")
TRUSTING = settings("--reverse-proxy", TRUSTED_PROXY_IPS="192.0.2.0/24")


class PathTests(HostileCase):
    """Without a session."""

    def closed(self, *targets: bytes) -> None:
        """Not open, whether the rule opens a folder, what holds a word, or everything but a folder."""
        for target in targets:
            for loaded in (SETTINGS, ANYWHERE, ALL_BUT):
                self.denied(get(target=target), loaded=loaded)

    def test_open(self) -> None:
        """The rules of these tests do open something, and the path goes on as it came."""
        for target in (b"/public/", b"/public/a%20b;c?d=%2e%2e/#"[:-1], b"/public/.well-known/x..y", b"/public/%7Eme"):
            for loaded in (SETTINGS, ANYWHERE, ALL_BUT):
                self.assertEqual(self.served(get(target=target), loaded).target, target)

    def test_u1(self) -> None:
        """U1: dot segments lead nowhere."""
        self.closed(b"/public/../admin", b"/public/./../admin", b"/public/..", b"/public/x/../../admin", b"/./public/")

    def test_u2(self) -> None:
        """U2: encoded dots are dots, however often they are encoded."""
        self.closed(b"/public/%2e%2e/admin", b"/public/.%2E/admin", b"/public/%252e%252e/admin", b"/public/%2e./admin")

    def test_u3(self) -> None:
        """U3: encoded slashes make a path ambiguous."""
        self.closed(b"/public/..%2fadmin", b"/public%2f..%2fadmin", b"/public/%2Fadmin", b"/public/x%252fy")

    def test_u4(self) -> None:
        """U4: so do backslashes, encoded or not."""
        self.closed(b"/public/..%5cadmin", b"/public/\\..\\admin", b"/public\\..\\admin", b"/public/x%5Cy")

    def test_u5(self) -> None:
        """U5: so do empty segments."""
        self.closed(b"//public/x", b"/public//..//admin", b"/public//x", b"///public/x")

    def test_u6(self) -> None:
        """U6: parameters, NULs, broken escapes and overlong UTF-8 hide no dot segment."""
        self.closed(
            *(b"/public/..;/admin", b"/public/.;a=b/../admin", b"/public/.%00./admin", b"/public/%c0%ae%c0%ae/admin"),
            *(
                b"/public/%u002e%u002e/admin",
                b"/public/%zz",
                b"/public/%",
                b"/public/..%ef%bc%8fadmin",
                b"/public/..%20/x",
            ),
        )

    def test_u7(self) -> None:
        """U7: a number sign, encoded or not, begins no second path."""
        self.closed(b"/admin#/public/", b"/admin%23/public/", b"/public/#/../admin")

    def test_u8(self) -> None:
        """U8: a query is no path, not even one that was left in."""
        self.closed(b"/admin?x=/public/", b"/admin?/public/", b"/admin%3f/public/", b"/admin?/../public/x")

    def test_u9(self) -> None:
        """U9: what a client says that it asked for opens nothing."""
        for name in (b"X-Forwarded-Uri", b"x_forwarded_uri", b"X-Original-URL", b"X-Rewrite-URL", b"X-Original-Uri"):
            for loaded in (SETTINGS, BEHIND_A_PROXY, TRUSTING):
                self.denied(get(name + b": /public/x", target=b"/admin"), loaded=loaded)

    def test_u10(self) -> None:
        """U10: behind a proxy that nobody named, nobody is believed, at the auth endpoint neither."""
        asked = get(b"X-Forwarded-Uri: /public/x", target=b"/oauth2/auth")
        self.denied(asked, 401, loaded=SETTINGS)
        self.denied(asked, 401, loaded=BEHIND_A_PROXY)
        self.denied(asked, 202, loaded=TRUSTING)

    def test_u11(self) -> None:
        """U11: whatever the auth endpoint is asked, only an open path or a session is a yes."""
        for value in (
            b"", b"/", b"/admin", b"/public/../admin", b"//public/x", b"/public/%zz", b"/public/\xff",
            b"/public/%c0%ae", b"%", b"http://app.example.com/public/x", b"/admin?/public/", b"/admin#/public/",
            b"/" + b"a" * 9000, b"\xff\xfe", b"/public/x\t/../admin", b"/public/ x/..;/admin",
        ):  # fmt: skip
            self.denied(get(b"X-Forwarded-Uri: " + value, target=b"/oauth2/auth"), 401, loaded=TRUSTING)
        two = (b"X-Forwarded-Uri: /public/x", b"X-Forwarded-Uri: /admin")
        self.denied(get(*two, target=b"/oauth2/auth"), 401, loaded=TRUSTING)
        self.denied(get(*reversed(two), target=b"/oauth2/auth"), 401, loaded=TRUSTING)
        self.denied(get(target=b"/oauth2/auth?allowed_groups=%ff&allowed_emails"), 401)
        self.denied(get(SIGNED_IN, target=b"/oauth2/auth?allowed_groups=nobody"), 403)

    def test_u12(self) -> None:
        """U12: paths have case."""
        for loaded in (SETTINGS, ANYWHERE):
            self.denied(get(target=b"/PUBLIC/x"), loaded=loaded)
            self.denied(get(target=b"/Public/x"), loaded=loaded)

    def test_u13(self) -> None:
        """U13: an encoded letter is that letter: it opens what the letter opens, and closes what it closes."""
        self.assertEqual(self.served(get(target=b"/%70ublic/x")).target, b"/%70ublic/x")
        self.denied(get(target=b"/%61dmin"), loaded=ALL_BUT)
        self.denied(get(target=b"/public%"), loaded=SETTINGS)

    def test_u14(self) -> None:
        """U14: an expression that others take for ever with is answered like any other."""
        loaded = settings(SKIP_AUTH_ROUTES="^/(a+)+$,^/public/")
        self.denied(get(target=b"/" + b"a" * 8000 + b"!"), loaded=loaded)
        self.served(get(target=b"/" + b"a" * 8000), loaded)

    def test_u15(self) -> None:
        """U15: a method is what the request line says."""
        loaded = settings(SKIP_AUTH_ROUTES="GET=^/getonly/,^/public/")
        self.served(get(target=b"/getonly/x"), loaded)
        for name in (b"X-HTTP-Method-Override", b"X-HTTP-Method", b"X-Method-Override", b"_method"):
            self.denied(get(name + b": GET", line=b"POST /getonly/x HTTP/1.1"), loaded=loaded)
        self.denied(get(line=b"POST /getonly/x?_method=GET HTTP/1.1"), loaded=loaded)

    def test_u16(self) -> None:
        """U16: nothing but its exact path is an endpoint of ours."""
        for target in (
            b"/oauth2/../admin",
            b"/oauth2%2fauth",
            b"/OAUTH2/auth",
            b"/oauth2/auth/",
            b"//oauth2/auth",
            b"/%6fauth2/auth",
        ):
            self.denied(get(target=target))
            whole = Whole()
            whole.ask(get(SIGNED_IN, target=target))
            self.assertEqual([request.target for request in whole.seen], [target], "the app's, for who is signed in")


class SignedInTests(HostileCase):
    """With one."""

    def test_as_it_came(self) -> None:
        """For who is signed in every path is the app's, byte for byte: nothing hangs on what it means."""
        for target in (
            b"/a/../b", b"//evil.example/x", b"/a%2Fb", b"/a\\b", b"/..;/x", b"/%c0%ae", b"/%zz", b"/?a?b=//c", b"/;",
            b"/a//b/.",
        ):  # fmt: skip
            whole = Whole()
            answer = whole.ask(get(SIGNED_IN, target=target))
            self.assertEqual([request.target for request in whole.seen], [target])
            self.assertEqual(read_answers(answer, [b"GET"]).messages[0].status, 200)

    def test_with_its_body(self) -> None:
        """What is sent to an odd path arrives there, whole: nobody is sent elsewhere without it (CONTRACT §10 #12)."""
        for target in (b"/a//b", b"/a/../b", b"/a/./b?x=1", b"//a", b"/a/%2e%2e/b", b"/%zz", b"/a/..;/b"):
            line = b"POST " + target + b" HTTP/1.1"
            for framing, body in (
                (b"Content-Length: 3", b"a=b"),
                (b"Transfer-Encoding: chunked", b"3\r\na=b\r\n0\r\n\r\n"),
            ):
                whole = Whole()
                answer = whole.ask(post(SIGNED_IN, framing, body=body, line=line))
                self.assertEqual([(each.target, each.body) for each in whole.seen], [(target, b"a=b")])
                self.assertEqual(read_answers(answer, [b"POST"]).messages[0].status, 200)
                self.denied(post(framing, body=body, line=line), 403)
