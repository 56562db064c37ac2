"""Tests of the guard's decisions and of the auth endpoint."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource
from zope.interface.verify import verifyObject

from o2sidecar.guard import AuthOnly, CurrentSession, Passes, SessionGuard
from o2sidecar.http.exchange import Exchange
from o2sidecar.policy.admission import Admission
from o2sidecar.policy.paths import PublicPaths
from o2sidecar.policy.peers import Forwarding, TrustedAddresses
from o2sidecar.refusals import NotPermitted, NotSignedIn, OwnFault, Refusal, SessionEnded, StoreUnavailable
from o2sidecar.session.session import Session
from tests.guard.asking import ALICE, NOW, Asked, SlowProvider, cookie_of, sessions


class Inner:
    """What is guarded: notes whom it served."""

    def __init__(self) -> None:
        self.served: list[str] = []

    def serve(self, exchange: Exchange) -> None:
        self.served.append(exchange.identity.session.name if exchange.identity else "nobody")


class Answers:
    """Notes who was refused and why."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def not_signed_in(self, exchange: Exchange) -> None:
        self.refused.append("not signed in")

    def refuse(self, exchange: Exchange, refusal: Refusal, who: str = "") -> None:
        self.refused.append(f"{refusal.reason} {who}".strip())


class OutOfReach:
    """Sessions that nobody can look up."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal

    def settle(self, exchange: Exchange, decide: object, give_up: Callable[[Exchange, Refusal], None]) -> None:
        give_up(exchange, self.refusal)


class GuardCase(SynchronousTestCase):
    """A guard with its surroundings."""

    def setUp(self) -> None:
        """Sessions on a clock, a provider that answers when told to, and an inner resource that notes its guests."""
        self.clock = Clock()
        self.clock.advance(NOW)
        self.provider = SlowProvider()
        self.inner = Inner()
        self.answers = Answers()

    def passes(
        self, *routes: str, trusted: tuple[str, ...] = (), preflight: bool = False, proxied: bool = False
    ) -> Passes:
        return Passes(
            public=PublicPaths.parse(routes),
            trusted=TrustedAddresses.parse(trusted),
            forwarding=Forwarding(reverse_proxy=proxied, trusted_proxies=TrustedAddresses.parse(["203.0.113.0/24"])),
            preflight=preflight,
        )

    def guard(
        self, passes: Passes | None = None, groups: frozenset[str] = frozenset(), refresh: float = 0
    ) -> SessionGuard:
        return SessionGuard(
            self.inner,
            sessions=sessions(self.provider, self.clock, refresh_period=refresh),
            admission=Admission(email_domains=("*",), allowed_groups=groups),
            passes=passes or self.passes(),
            answers=self.answers,
        )

    def ask(self, guard: SessionGuard | AuthOnly, asked: Asked) -> Asked:
        guard.serve(asked)  # type: ignore[arg-type]
        return asked


class Broken(Admission):
    """A rule that cannot be judged."""

    def refusal(self, session: Session, *, signing_in: bool = False) -> NotPermitted | None:
        raise ZeroDivisionError


class SessionGuardTests(GuardCase):
    """Only admitted sessions and public requests reach what is guarded."""

    def test_interface(self) -> None:
        """The guard is a resource of Twisted's."""
        verifyObject(IResource, self.guard())

    def test_signed_in(self) -> None:
        """A good session passes, with its identity on the exchange."""
        self.ask(self.guard(), Asked(cookie_of(ALICE)))
        self.assertEqual((self.inner.served, self.answers.refused), (["alice@example.com"], []))

    def test_an_error_is_no_yes(self) -> None:
        """A6: when a rule fails with an error, nothing reaches the inner resource; the listener answers the error."""
        guard = SessionGuard(
            self.inner,
            sessions=sessions(self.provider, self.clock),
            admission=Broken(email_domains=("*",)),
            passes=self.passes(),
            answers=self.answers,
        )
        self.assertRaises(ZeroDivisionError, self.ask, guard, Asked(cookie_of(ALICE)))
        self.assertEqual((self.inner.served, self.answers.refused), ([], []))

    def test_not_signed_in(self) -> None:
        """Without a session nothing reaches the inner resource."""
        asked = self.ask(self.guard(), Asked())
        self.assertEqual((self.inner.served, self.answers.refused), ([], ["not signed in"]))
        self.assertEqual(asked.also, [])

    def test_junk_cookie(self) -> None:
        """A cookie that is no session is taken away, and offers nothing."""
        asked = self.ask(self.guard(), Asked("_oauth2_proxy=junk"))
        self.assertEqual(self.answers.refused, ["not signed in"])
        self.assertEqual(len(asked.set_cookies), 1)

    def test_public(self) -> None:
        """A public path passes without a session, and with one carries the identity."""
        guard = self.guard(self.passes("^/public/"))
        self.ask(guard, Asked(target=b"/public/a"))
        self.ask(guard, Asked(cookie_of(ALICE), target=b"/public/a"))
        self.ask(guard, Asked(target=b"/private"))
        self.assertEqual(self.inner.served, ["nobody", "alice@example.com"])

    def test_public_paths_are_canonical(self) -> None:
        """No way of writing a private path makes it public (security.md U1-U8)."""
        guard = self.guard(self.passes("^/public/"))
        for target in (
            b"/public/../admin", b"/public/%2e%2e/admin", b"/public/..%2fadmin", b"/public/..%5cadmin",
            b"/public/\\..\\admin", b"//public/x", b"/public/..;/admin", b"/admin?x=/public/", b"/PUBLIC/x",
            b"/admin%23/public/",
        ):  # fmt: skip
            self.ask(guard, Asked(target=target))
        self.assertEqual(self.inner.served, [])

    def test_forwarded_uri_opens_nothing(self) -> None:
        """Which path was asked for is what is served, whatever a forwarding field says (security.md U9)."""
        guard = self.guard(self.passes("^/public/", proxied=True))
        self.ask(guard, Asked(target=b"/admin", fields=[(b"x-forwarded-uri", b"/public/x")]))
        self.assertEqual(self.inner.served, [])
        self.ask(guard, Asked(target=b"/public/x", fields=[(b"x-forwarded-uri", b"/admin")]))
        self.assertEqual(self.inner.served, ["nobody"], "and it closes nothing")

    def test_constraints_are_the_auth_endpoints(self) -> None:
        """What an app's own query calls allowed_groups keeps nobody out, and lets nobody in (CONTRACT §10 #11)."""
        queries = (
            b"allowed_groups=admins", b"allowed_emails=bob@example.com", b"allowed_email_domains=corp.com",
            b"a=1&allowed_groups=admins&allowed_groups=", b"allowed_group%73=admins", b"a=1;allowed_groups=admins",
        )  # fmt: skip
        for query in queries:
            self.ask(self.guard(), Asked(cookie_of(ALICE), target=b"/app?" + query))
        self.assertEqual(self.inner.served, ["alice@example.com"] * len(queries))
        self.ask(self.guard(groups=frozenset({"admins"})), Asked(cookie_of(ALICE), target=b"/?allowed_groups=dev"))
        self.ask(self.guard(), Asked(target=b"/?allowed_groups=dev"))
        self.assertEqual(self.answers.refused, ["group_not_allowed alice@example.com", "not signed in"])

    def opened_tunnel(self, guard: SessionGuard, *cookies: str, target: bytes = b"/") -> Callable[[], bool] | None:
        """What tells whether the session of a request to upgrade still counts."""
        asked = self.ask(guard, Asked(*cookies, target=target, fields=[(b"connection", b"Upgrade")]))
        stands = asked.stands
        return stands and (lambda: stands(asked))  # type: ignore[arg-type]

    def test_stands(self) -> None:
        """Whoever keeps a connection for longer than a request is told when its session is over."""
        stands = self.opened_tunnel(self.guard(), cookie_of(ALICE))
        assert stands is not None
        self.assertTrue(stands())
        self.clock.advance(3599)
        self.assertTrue(stands())
        self.clock.advance(1)
        self.assertFalse(stands())

    def test_stands_as_long_as_it_is_renewed(self) -> None:
        """A session that another request had renewed counts on; one that the provider ended does not."""
        guard = self.guard(refresh=3000)
        pair = cookie_of(ALICE)
        stands = self.opened_tunnel(guard, pair)
        assert stands is not None
        self.clock.advance(3000)
        self.ask(guard, Asked(pair))
        self.provider.answers[-1].callback(evolve(ALICE, created_at=NOW + 3000))
        self.clock.advance(1000)
        self.assertTrue(stands())
        self.clock.advance(2000)
        self.ask(guard, Asked(pair))
        self.provider.answers[-1].errback(SessionEnded())
        self.assertFalse(stands())

    def test_stands_while_admitted(self) -> None:
        """A person who is no longer among those who may pass has no tunnel either."""
        listed = {"alice@example.com"}
        guard = SessionGuard(
            self.inner,
            sessions=sessions(self.provider, self.clock),
            admission=Admission(listed_emails=lambda: frozenset(listed)),
            passes=self.passes(),
            answers=self.answers,
        )
        stands = self.opened_tunnel(guard, cookie_of(ALICE))
        assert stands is not None
        self.assertTrue(stands())
        listed.clear()
        self.assertFalse(stands())

    def test_nobody_to_stand_for(self) -> None:
        """Where nobody's session was needed, none can end."""
        self.assertIsNone(self.opened_tunnel(self.guard(self.passes("^/public/")), target=b"/public/a"))
        self.assertEqual(self.inner.served, ["nobody"])

    def test_preflight(self) -> None:
        """OPTIONS passes only where the operator opened it."""
        self.ask(self.guard(), Asked(method=b"OPTIONS"))
        self.ask(self.guard(self.passes(preflight=True)), Asked(method=b"OPTIONS"))
        self.ask(self.guard(self.passes(preflight=True)), Asked(method=b"POST"))
        self.assertEqual(self.inner.served, ["nobody"])

    def test_trusted_address(self) -> None:
        """A trusted peer passes; an address that an untrusted client claims does not (security.md A7)."""
        claim = [(b"x-real-ip", b"10.1.2.3")]
        self.ask(self.guard(self.passes(trusted=("203.0.113.9",))), Asked())
        self.ask(self.guard(self.passes(trusted=("10.0.0.0/8",))), Asked(fields=claim))
        self.ask(self.guard(self.passes(trusted=("10.0.0.0/8",), proxied=True)), Asked(fields=claim))
        self.assertEqual(self.inner.served, ["nobody", "nobody"])

    def test_not_admitted(self) -> None:
        """A session that may not pass is refused by name, and its cookie taken."""
        asked = self.ask(self.guard(groups=frozenset({"admins"})), Asked(cookie_of(ALICE)))
        self.assertEqual(self.answers.refused, ["group_not_allowed alice@example.com"])
        self.assertEqual((self.inner.served, len(asked.set_cookies)), ([], 1))

    def test_not_admitted_on_public_paths(self) -> None:
        """On a public path such a session passes as nobody (CONTRACT §10 #10)."""
        guard = self.guard(self.passes("^/public/"), groups=frozenset({"admins"}))
        self.ask(guard, Asked(cookie_of(ALICE), target=b"/public/a"))
        self.assertEqual(self.inner.served, ["nobody"])

    def test_renewed_first(self) -> None:
        """A session that is due passes after it was renewed, and the answer brings the new cookie."""
        self.clock.advance(600)
        asked = self.ask(self.guard(refresh=600), Asked(cookie_of(ALICE)))
        self.assertEqual(self.inner.served, [])
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600))
        self.assertEqual(self.inner.served, ["alice@example.com"])
        self.assertTrue(asked.set_cookies[0].startswith(b"_oauth2_proxy="))

    def test_policy_after_renewal(self) -> None:
        """Who lost the group at renewal is refused (security.md A4)."""
        self.clock.advance(600)
        self.ask(self.guard(groups=frozenset({"dev"}), refresh=600), Asked(cookie_of(ALICE)))
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600, groups=("guests",)))
        self.assertEqual((self.inner.served, self.answers.refused), ([], ["group_not_allowed alice@example.com"]))

    def test_one_last_word_about_a_cookie(self) -> None:
        """A session that ends at its renewal, or may not pass after it, is deleted and not set too (§10 #15)."""
        self.clock.advance(600)
        renewed = evolve(ALICE, created_at=NOW + 600, groups=("guests",))
        for outcome in (Failure(SessionEnded()), renewed):
            asked = self.ask(self.guard(groups=frozenset({"dev"}), refresh=600), Asked(cookie_of(ALICE)))
            # A failure given to `callback` goes the way of errors.
            self.provider.answers[-1].callback(outcome)
            [cookie] = asked.set_cookies
            self.assertTrue(cookie.startswith(b"_oauth2_proxy=;"), cookie)
            self.assertIn(b"Max-Age=0", cookie)
        self.assertEqual(self.inner.served, [])

    def test_judging_fails(self) -> None:
        """A request that cannot be judged is refused, not served (fail closed)."""
        self.clock.advance(600)
        guard = self.guard(refresh=600)
        self.ask(guard, Asked(cookie_of(ALICE)))
        self.patch(self.inner, "serve", lambda exchange: 1 // 0)
        self.provider.answers[0].callback(None)
        self.assertEqual(self.answers.refused, [OwnFault().reason])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_sessions_out_of_reach(self) -> None:
        """Where nobody can tell whose a request is, public paths are served without asking, others refused."""
        for refusal in (StoreUnavailable(), NotSignedIn()):
            guard = SessionGuard(
                self.inner,
                sessions=OutOfReach(refusal),  # type: ignore[arg-type]
                admission=Admission(email_domains=("*",)),
                passes=self.passes("^/open/"),
                answers=self.answers,
            )
            self.ask(guard, Asked("a=1", target=b"/open/x"))
            self.assertEqual((self.inner.served, self.answers.refused), (["nobody"], []))
            asked = self.ask(guard, Asked("a=1"))
            self.assertEqual((self.inner.served, self.answers.refused), (["nobody"], [refusal.reason]))
            self.assertEqual(asked.also, [], "the cookie stays")
            self.setUp()


class AuthOnlyTests(GuardCase):
    """The auth endpoint says yes or no."""

    def auth(
        self,
        passes: Passes | None = None,
        groups: frozenset[str] = frozenset(),
        refresh: float = 0,
        semicolons: bool = False,
    ) -> AuthOnly:
        current = CurrentSession(
            sessions=sessions(self.provider, self.clock, refresh_period=refresh),
            admission=Admission(email_domains=("*",), allowed_groups=groups),
        )
        return AuthOnly(current=current, passes=passes or self.passes(), semicolons=semicolons)

    def status(self, auth: AuthOnly, asked: Asked) -> int | None:
        given = self.ask(auth, asked).given
        return given[0] if given else None

    def test_interface(self) -> None:
        """The endpoint is a resource of Twisted's."""
        verifyObject(IResource, self.auth())

    def test_yes(self) -> None:
        """202 with the identity for the asker."""
        asked = self.ask(self.auth(), Asked(cookie_of(ALICE)))
        self.assertEqual(
            asked.given, (202, [(b"GAP-Auth", b"alice@example.com"), (b"X-Auth-Request-User", b"u-1")], b"")
        )

    def test_no(self) -> None:
        """401 as text, never a page and never a redirect."""
        asked = self.ask(self.auth(), Asked(fields=[(b"accept", b"text/html")]))
        self.assertEqual(asked.given, (401, [(b"Content-Type", b"text/plain; charset=utf-8")], b"Unauthorized\n"))

    def test_constraints(self) -> None:
        """Constraints of the query are met or answered 403."""
        for target, status in (
            (b"/oauth2/auth?allowed_groups=dev", 202),
            (b"/oauth2/auth?allowed_groups=admins", 403),
            (b"/oauth2/auth?allowed_groups=dev&allowed_emails=bob@example.com", 403),
            (b"/oauth2/auth?allowed_groups=", 202),
        ):
            self.assertEqual(self.status(self.auth(), Asked(cookie_of(ALICE), target=target)), status, target)

    def test_constraint_behind_a_semicolon(self) -> None:
        """Where semicolons separate, what stands behind one is a constraint too."""
        target = b"/oauth2/auth?a=1;allowed_groups=admins"
        for semicolons, status in ((False, 202), (True, 403)):
            auth = self.auth(semicolons=semicolons)
            self.assertEqual(self.status(auth, Asked(cookie_of(ALICE), target=target)), status)

    def test_not_admitted(self) -> None:
        """A session that may not pass is 401 here, and its cookie is taken."""
        asked = self.ask(self.auth(groups=frozenset({"admins"})), Asked(cookie_of(ALICE)))
        self.assertEqual((asked.given or (0,))[0], 401)
        self.assertEqual(len(asked.set_cookies), 1)

    def test_forwarded_uri(self) -> None:
        """A trusted asker says which path it is about; dots in it open nothing, nor do others' words (U10)."""
        proxied, alone = self.passes("^/public", proxied=True), self.passes("^/public")
        for passes, uri, status in (
            (proxied, b"/public/x", 202),
            (proxied, b"/private?x=/public", 401),
            (proxied, b"/public/../private", 401),
            (proxied, b"/public/%2e%2e/private", 401),
            (proxied, b"/public/.%2E/private", 401),
            (proxied, b"/public/%252e%252e/private", 401),
            (alone, b"/public/x", 401),
        ):
            asked = Asked(target=b"/oauth2/auth", fields=[(b"x-forwarded-uri", uri)])
            self.assertEqual(self.status(self.auth(passes), asked), status, uri)

    def test_renewal(self) -> None:
        """The endpoint renews a session that is due, and answers errors with 500, never with yes (U11)."""
        self.clock.advance(600)
        auth = self.auth(refresh=600)
        asked = self.ask(auth, Asked(cookie_of(ALICE)))
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600))
        self.assertEqual((asked.given or (0,))[0], 202)
        self.assertTrue(asked.set_cookies)

    def test_sessions_out_of_reach(self) -> None:
        """Where nobody can tell whose a request is, the asker is told so, but for public paths."""
        current = CurrentSession(
            sessions=OutOfReach(StoreUnavailable()),  # type: ignore[arg-type]
            admission=Admission(email_domains=("*",)),
        )
        auth = AuthOnly(current=current, passes=self.passes("^/oauth2/auth$"))
        self.assertEqual(self.status(auth, Asked("a=1", target=b"/oauth2/auth")), 202)
        self.assertEqual(self.status(auth, Asked("a=1")), 503)


class CurrentSessionTests(GuardCase):
    """Own endpoints ask who is there."""

    def test_waits_for_renewal(self) -> None:
        """The identity comes when the provider has answered."""
        self.clock.advance(600)
        current = CurrentSession(
            sessions=sessions(self.provider, self.clock, refresh_period=600), admission=Admission(email_domains=("*",))
        )
        asked = Asked(cookie_of(ALICE))
        waiting = Deferred.fromCoroutine(current.identity(asked))  # type: ignore[arg-type]
        self.assertNoResult(waiting)
        self.provider.answers[0].callback(evolve(ALICE, created_at=NOW + 600))
        identity = self.successResultOf(waiting)
        self.assertEqual(identity.session.name if identity else None, "alice@example.com")
        self.assertIs(asked.identity, identity)

    def test_nobody(self) -> None:
        """Without a session that may pass there is nobody, and cookies are taken."""
        current = CurrentSession(
            sessions=sessions(self.provider, self.clock),
            admission=Admission(email_domains=("*",), allowed_groups=frozenset({"admins"})),
        )
        for asked in (Asked(), Asked(cookie_of(ALICE))):
            self.assertIsNone(self.successResultOf(Deferred.fromCoroutine(current.identity(asked))))  # type: ignore[arg-type]
            self.assertIsNone(asked.identity)
        self.assertEqual(len(asked.set_cookies), 1)
