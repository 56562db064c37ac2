"""Catalogue F: what the app is told about a request, and what clients cannot have it told."""

from __future__ import annotations

from attrs import evolve

from o2sidecar.identity import RESERVED, folded
from o2sidecar.session.session import Session
from tests.catalogue.hostile_case import HostileCase, get, post
from tests.catalogue.strict import Message, read_answers
from tests.catalogue.whole import ALICE, BOB, HOST, NAME, Whole, pair, settings, told

SIGNED_IN = b"Cookie: " + pair(ALICE)
FAMILIES = [
    b"%s-%s" % (family, what)
    for family in (b"X-Forwarded", b"X-Auth-Request")
    for what in (b"User", b"Email", b"Groups", b"Preferred-Username", b"Access-Token", b"Id-Token")
]
EVERYTHING = settings(
    *("--set-xauthrequest", "--pass-access-token", "--pass-authorization-header", "--skip-auth-preflight"),
    PING_USER_AGENT="kube-probe",
)
"""Every option that tells the app something is on."""
KEEPING = settings("--set-xauthrequest", "--pass-access-token", "--skip-auth-strip-headers=false")
"""Clients' fields are kept where our own options do not need their names."""
NOTHING = settings("--pass-user-headers=false", "--pass-basic-auth=false")
"""No option tells the app who somebody is."""


def spellings(name: bytes) -> list[bytes]:
    """Ways to write a field name that some app takes for this one."""
    under = name.replace(b"-", b"_")
    return [name, name.lower(), name.upper(), under, under.upper(), name.replace(b"-", b"_", 1), name.swapcase()]


GAP = [b"GAP-Auth: evil", b"gap_auth: evil", b"GAP_Signature: evil"]
SPOOFED = [b"%s: evil" % spelling for name in FAMILIES for spelling in spellings(name)]


def identity(request: Message) -> dict[bytes, bytes]:
    """What the app is told about who sent the request, by folded names; each name may come only once."""
    fields = [(folded(name), value) for name, value in request.fields if folded(name) in RESERVED]
    assert len(fields) == len(dict(fields)), fields
    return dict(fields)


OUR_WAY = [(b"X-Forwarded-For", b"192.0.2.1"), (b"X-Forwarded-Proto", b"http"), (b"X-Forwarded-Host", HOST)]
"""What the app is told of the way of a request that nobody trusted brought."""


class IdentityTests(HostileCase):
    """F1 to F4: nobody but us says who somebody is."""

    def test_f1(self) -> None:
        """F1: on an open path no field of the identity families arrives, whatever options are on."""
        for loaded in (settings(), EVERYTHING):
            got = self.served(get(*[name + b": evil" for name in FAMILIES], b"GAP-Auth: evil", b"A: b"), loaded)
            self.assertEqual((identity(got), got.values(b"a")), ({}, [b"b"]))

    def test_f2(self) -> None:
        """F2: nor in any other spelling, nor with white space around the name."""
        for start in range(0, len(SPOOFED), 20):
            got = self.served(get(*SPOOFED[start : start + 20]))
            self.assertNotIn(b"evil", b"".join(value for _, value in got.fields))
        for field in (b"X-Forwarded-User : evil", b" X-Forwarded-User: evil", b"X-Forwarded-User\t: evil"):
            self.refused(get(field), 400)

    def test_f3(self) -> None:
        """F3: nor with any method, credentials or upgrade, nor where there is nothing."""
        spoofed = [name + b": evil" for name in FAMILIES]
        for request in (
            get(*spoofed, line=b"OPTIONS /public/x HTTP/1.1"),
            get(*spoofed, b"Origin: a", b"Access-Control-Request-Method: GET", line=b"OPTIONS /admin HTTP/1.1"),
            get(*spoofed, b"Authorization: Bearer junk"),
            get(*spoofed, b"Authorization: Basic YTpi"),
            get(*spoofed, b"Connection: Upgrade", b"Upgrade: websocket", b"Origin: http://" + HOST),
            get(*spoofed, target=b"/public/nothing"),
            get(*spoofed, b"Cookie: %s=junk" % NAME.encode()),
        ):
            self.assertEqual(identity(self.served(request, EVERYTHING)), {}, request)
        for target in (b"/oauth2/nothing", b"/oauth2/callback", b"/oauth2/auth", b"/oauth2/userinfo"):
            self.denied(get(*spoofed, target=target), 302, 401, 403, 404, 400, loaded=EVERYTHING)

    def test_f4(self) -> None:
        """F4: all of a repeated field go, wherever they stand, and the truth comes once."""
        for name in FAMILIES[:4]:
            evil = name + b": evil"
            for fields in (
                (evil, evil, SIGNED_IN),
                (SIGNED_IN, evil, evil),
                (evil, SIGNED_IN, b"A: b", evil, b"C: d", evil),
            ):
                self.assertEqual(identity(self.served(get(*fields, target=b"/admin"))), told(ALICE))

    def test_f4_the_sessions_word_alone(self) -> None:
        """F4: of who is signed in the session alone speaks, in both families, even with stripping off (§10 #2, #3)."""
        of_both = told(ALICE) | {name.replace(b"forwarded", b"auth-request"): it for name, it in told(ALICE).items()}
        for loaded, truth in ((EVERYTHING, of_both), (KEEPING, of_both), (NOTHING, {})):
            for evil in (GAP, *(SPOOFED[start : start + 20] for start in range(0, len(SPOOFED), 20))):
                got = self.served(get(*evil, SIGNED_IN, target=b"/admin"), loaded)
                self.assertEqual(identity(got), truth, evil)
                self.assertNotIn(b"evil", b"".join(value for _, value in got.fields))

    def test_two_people_on_one_connection(self) -> None:
        """Each request carries the identity of its own cookie, on whatever connections it travels."""
        whole = Whole()
        people: list[Session | None] = [ALICE, BOB, None, ALICE, None, BOB]
        requests = [
            get(*([b"Cookie: " + pair(each)] if each else []), target=b"/public/%d" % number)
            for number, each in enumerate(people)
        ]
        whole.ask(b"".join(requests))
        self.assertEqual([identity(each) for each in whole.seen], [told(each) if each else {} for each in people])
        self.assertEqual(len(whole.apps), 1, "the same connection to the app")


class HopTests(HostileCase):
    """F5 to F8: what concerns the connection, and the way here."""

    def test_f5(self) -> None:
        """F5: Connection removes what clients sent and never what we say."""
        names = b"X-Forwarded-User, x_forwarded_email, X-Forwarded-For, Host, Cookie, Authorization, X-Mine"
        whole = Whole(EVERYTHING)
        whole.ask(
            get(
                b"Connection: close, " + names,
                SIGNED_IN,
                b"Authorization: Bearer x",
                b"X-Mine: y",
                b"X-Other: z",
                target=b"/admin",
            )
        )
        [got] = whole.seen
        self.assertLessEqual(told(ALICE).items(), identity(got).items())
        self.assertEqual((got.values(b"host"), got.values(b"x-forwarded-for")), ([HOST], [b"192.0.2.1"]))
        self.assertEqual((got.values(b"x-mine"), got.values(b"x-other")), ([], [b"z"]))

    def test_f6(self) -> None:
        """F6: framing is not a client's to have removed on the way."""
        for names in (b"Content-Length", b"close, content-length", b"Transfer-Encoding", b"TRANSFER-ENCODING , x"):
            self.refused(post(b"Connection: " + names, b"Content-Length: 5", body=b"hello"), 400)
            self.refused(post(b"X: y", b"Connection: keep-alive", b"Connection: " + names), 400)

    def test_f7(self) -> None:
        """F7: fields that concern one connection go no further."""
        fields = (
            b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"Proxy-Authorization: Basic x", b"TE: gzip",
            b"Proxy-Authenticate: Basic", b"Trailer: X", b"Upgrade: h2c", b"Proxy: http://evil.example/",
            b"HTTP2-Settings: A",
        )  # fmt: skip
        got = self.served(get(*fields, b"Y: z"))
        self.assertEqual([name for name, _ in got.fields], [b"Host", b"Y", *(name for name, _ in OUR_WAY)])

    def test_f8(self) -> None:
        """F8: the address that a request came from is the last word about its way here."""
        for spelling in (b"X-Forwarded-For", b"x-forwarded-for", b"X_Forwarded_For"):
            got = self.served(get(spelling + b": 127.0.0.1, 10.0.0.1"))
            [way] = [value for name, value in got.fields if folded(name) == b"x-forwarded-for"]
            self.assertEqual(way.rpartition(b",")[2].strip(), b"192.0.2.1")

    def test_f8_strangers(self) -> None:
        """F8: with our defaults a stranger's word about its way is replaced, and a trusted proxy's is passed on."""
        said = (
            b"X-Forwarded-For: 127.0.0.1", b"X_Forwarded_Proto: https", b"X-Forwarded-Host: evil", b"X-Real-IP: ::1",
            b"Forwarded: for=127.0.0.1", b"X-Forwarded-Port: 443", b"X-Forwarded-Prefix: /x", b"X-Forwarded-Server: x",
        )  # fmt: skip
        for loaded in (settings(), settings("--reverse-proxy")):
            self.assertEqual(self.served(get(*said), loaded=loaded).fields, ((b"Host", HOST), *OUR_WAY))
        trusting = settings("--reverse-proxy", TRUSTED_PROXY_IPS="192.0.2.0/24")
        got = self.served(get(*said), loaded=trusting)
        self.assertEqual(got.values(b"x-forwarded-for"), [b"127.0.0.1, 192.0.2.1"])
        self.assertEqual(got.values(b"x-forwarded-port"), [b"443"])

    def test_f9(self) -> None:
        """F9: the user agent of health checks opens nothing."""
        self.denied(get(b"User-Agent: kube-probe", target=b"/admin"), loaded=EVERYTHING)
        self.denied(get(b"User-Agent: GoogleHC/1.0", target=b"/"), loaded=settings("--gcp-healthchecks"))


class ValueTests(HostileCase):
    """F10, F11, F14 and F15: values, cookies, and what comes back."""

    def test_f10(self) -> None:
        """F10: a claim that holds line ends, NUL or other controls splits nothing, and others come as UTF-8."""
        mallory = evolve(
            ALICE,
            user="m\r\nX-Forwarded-Groups: admin",
            groups=("a\nb", "c\0d", "é", "日本"),
            preferred_username="\x85\x7f m",
        )
        whole = Whole()
        whole.ask(get(b"Cookie: " + pair(mallory), target=b"/admin"))
        about = identity(whole.seen[0])
        self.assertEqual(about[b"x-forwarded-user"], b"m X-Forwarded-Groups: admin")
        self.assertEqual(about[b"x-forwarded-groups"], "a b,c d,é,日本".encode())
        self.assertEqual(whole.apps[0].reading.complaint, "")

    def test_f11(self) -> None:
        """F11: our own cookies stay here, in either direction, and others pass byte for byte."""
        for own in (b"", b"_0", b"_1", b"_csrf", b"_ABCDEFGH_csrf"):
            name = NAME.encode() + own
            got = self.served(get(b"Cookie: a=b;  c==;" + name + b"=x; d= e"))
            self.assertEqual(got.values(b"cookie"), [b"a=b;  c==; d= e"], name)
            cookies = b"Set-Cookie: %s=evil; Path=/\r\nSet-Cookie: a=b\r\nset-cookie: c\r\n" % name
            _, client = self.answered(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + cookies + b"\r\n")
            self.assertEqual(read_answers(client.got, [b"GET"]).messages[0].values(b"set-cookie"), [b"a=b", b"c"], name)
        self.assertEqual(self.served(get(b"Cookie: x%s=y" % NAME.encode())).values(b"cookie"), [b"x_oauth2_proxy=y"])

    def test_f14(self) -> None:
        """F14: an app cannot tell browsers who they are."""
        fields = b"".join(b"%s: evil\r\n" % spelling for name in FAMILIES for spelling in spellings(name)[:4])
        _, client = self.answered(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\r\n" + fields + b"GAP-Auth: evil\r\n\r\n"
        )
        [answer] = read_answers(client.got, [b"GET"]).messages
        self.assertEqual([name for name, _ in answer.fields], [b"A", b"Content-Length", b"Date"])

    def test_f15(self) -> None:
        """F15: Authorization is ours where we set it, also where there is nobody to set it for."""
        self.assertEqual(self.served(get(b"Authorization: Bearer evil")).values(b"authorization"), [b"Bearer evil"])
        self.assertEqual(self.served(get(b"Authorization: Bearer evil"), EVERYTHING).values(b"authorization"), [])
        whole = Whole(EVERYTHING)
        whole.ask(
            get(b"authorization: Bearer evil", b"Cookie: " + pair(evolve(ALICE, id_token="ID")), target=b"/admin")
        )
        self.assertEqual(whole.seen[0].values(b"authorization"), [b"Bearer ID"])

    def test_the_browser_is_told_no_more_than_it_knows(self) -> None:
        """Tokens and identity are for the app and the auth endpoint: no app's answer has them (CONTRACT §10 #18)."""
        loaded = settings(
            *("--set-xauthrequest", "--pass-access-token", "--set-authorization-header", "--pass-authorization-header")
        )
        cookie = b"Cookie: " + pair(evolve(ALICE, access_token="AT.secret", id_token="ID.secret"))
        for line in (b"GET /admin HTTP/1.1", b"HEAD /admin HTTP/1.1", b"GET /public/x HTTP/1.1"):
            whole = Whole(loaded)
            got = whole.ask(get(cookie, line=line))
            self.assertEqual(whole.seen[0].values(b"x-forwarded-access-token"), [b"AT.secret"])
            for secret in (b"secret", b"alice", b"X-Auth-Request", b"Authorization"):
                self.assertNotIn(secret.lower(), got.lower(), line)
        told_asker = Whole(loaded).ask(get(cookie, target=b"/oauth2/auth"))
        self.assertIn(b"X-Auth-Request-Access-Token: AT.secret\r\n", told_asker)
        self.assertIn(b"Authorization: Bearer ID.secret\r\n", told_asker)


class RefusalTests(HostileCase):
    """F12 and F13: what is refused opens nothing."""

    def test_f12(self) -> None:
        """F12: an upgrade that the app refuses opens no tunnel; what follows is judged like every other request."""
        upgrade = get(
            b"Connection: Upgrade", b"Upgrade: websocket", b"Origin: http://" + HOST, b"Sec-WebSocket-Version: 13"
        )
        for status in (b"404 Not Found", b"200 OK", b"426 Upgrade Required"):
            for behind in (b"", get(b"X-Forwarded-User: evil", target=b"/admin")):
                refusal = (
                    b"HTTP/1.1 %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nno" % status
                )
                whole, client = self.answered(refusal, request=upgrade + behind)
                client.send(get(b"X-Forwarded-User: evil", target=b"/admin") + get(SIGNED_IN, target=b"/mine"))
                whole.respond = lambda request, number: b"HTTP/1.1 204 No Content\r\n\r\n"
                whole.pump()
                answers = read_answers(client.got, [b"GET"]).messages
                self.assertEqual(answers[0].status, int(status[:3]))
                self.assertNotIn(b"upgrade", [name.lower() for name, _ in answers[0].fields])
                self.assertEqual([answer.status for answer in answers[-2:]], [403, 204])
                self.assertEqual([(each.target, identity(each)) for each in whole.seen], [(b"/mine", told(ALICE))])

    def test_f13(self) -> None:
        """F13: of a request that is refused the app hears nothing, whatever its body holds."""
        inner = get(SIGNED_IN, target=b"/admin")
        for fields, body in (
            ((b"Content-Length: %d" % len(inner),), inner),
            ((b"Transfer-Encoding: chunked",), b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)),
            ((b"Expect: 100-continue", b"Content-Length: %d" % len(inner)), inner),
            (
                (b"Content-Type: application/x-www-form-urlencoded", b"Accept: text/html", b"Content-Length: 5"),
                b"rd=/x",
            ),
        ):
            self.denied(post(*fields, body=body, line=b"POST /admin HTTP/1.1"))
            self.denied(post(*fields, b"Cookie: %s=junk" % NAME.encode(), body=body, line=b"PUT /admin HTTP/1.1"))
