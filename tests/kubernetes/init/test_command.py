"""Tests for `o2sidecar init`: what it writes, what it refuses, and what it keeps."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.assembly import make_sidecar
from o2sidecar.kubernetes.init.auth_host import arguments
from o2sidecar.kubernetes.init.command import main
from o2sidecar.kubernetes.init.configuration import Credentials, settings_of
from o2sidecar.kubernetes.init.realm import Realm
from o2sidecar.providers.registry import KnownProviders
from o2sidecar.session.keys import CookieKey
from o2sidecar.settings.load import Loaded, load
from tests.kubernetes.running import Run
from tests.kubernetes.schemas import judge, objects_in
from tests.wire import Wire

SECRET = "shhh-client"


class _Case(SynchronousTestCase):
    def setUp(self) -> None:
        self.work = Path(self.mktemp())
        self.work.mkdir()
        self.folder = self.work / "o2"
        self.secret = self.work / "secret.txt"
        self.secret.write_text(f"{SECRET}\n")

    def init(self, *further: str, default: bool = True, standard_input: str = "", answers: Any = None) -> Run:
        """Run it with what is enough, and `further` arguments."""
        usual = ["--provider", "github", "--client-id", "id-1", "--client-secret-file", str(self.secret)]
        return Run.of(
            main,
            *("--domain", "example.com", "-n", "apps", "-o", str(self.folder)),
            *(usual if default else []),
            *further,
            standard_input=standard_input,
            answers=answers,
        )

    def read(self, name: str) -> str:
        """A file of the folder."""
        return (self.folder / name).read_text()

    def nothing_written(self) -> None:
        """The folder is not there."""
        self.assertFalse(self.folder.exists())
        self.assertEqual(sorted(one.name for one in self.work.iterdir()), ["secret.txt"])


class WritingTests(_Case):
    """The folder is what apps need."""

    def test_a_folder_for_kustomize(self) -> None:
        """There are a Secret and a ConfigMap in each namespace, all of one realm, and a Gateway with TLS."""
        run = self.init("--allow-github-org", "acme", "-n", "tools,web")
        self.assertEqual((run.status, run.err), (0, ""))
        [kustomization] = objects_in(self.read("kustomization.yaml"))
        self.assertEqual(kustomization["resources"], ["config.yaml", "secret.yaml", "gateway.yaml"])
        for name in kustomization["resources"]:
            judge(self.read(name))
        secrets = objects_in(self.read("secret.yaml"))
        self.assertEqual([one["metadata"]["namespace"] for one in secrets], ["apps", "tools", "web"])
        self.assertEqual({one["metadata"]["name"] for one in secrets}, {"oauth2-proxy-secret"})
        self.assertEqual(len({str(one["stringData"]) for one in secrets}), 1)
        self.assertEqual(secrets[0]["stringData"]["client-secret"], SECRET)
        [gateway] = objects_in(self.read("gateway.yaml"))
        plain, secure = gateway["spec"]["servers"]
        self.assertEqual(plain["tls"], {"httpsRedirect": True})
        self.assertEqual((secure["tls"]["mode"], secure["tls"]["credentialName"]), ("SIMPLE", "wildcard-tls"))

    def test_only_the_owner_reads_the_secret(self) -> None:
        """The file with the Secret has the mode 0600 and is kept out of Git."""
        self.init("--allow-github-org", "acme")
        self.assertEqual(stat.S_IMODE((self.folder / "secret.yaml").stat().st_mode), 0o600)
        self.assertEqual(self.read(".gitignore"), "secret.yaml\n")

    def test_the_cookie_secret_is_read_by_both(self) -> None:
        """The secret is 32 bytes in URL-safe base64, which oauth2-proxy reads as well."""
        self.init("--allow-github-org", "acme")
        [secret] = objects_in(self.read("secret.yaml"))
        text = secret["stringData"]["cookie-secret"]
        self.assertRegex(text, r"\A[A-Za-z0-9_-]{43}=\Z")
        self.assertEqual(len(CookieKey.from_text(text).aes), 32)

    def test_nothing_tells_a_secret(self) -> None:
        """Neither output holds the client's secret or the cookie secret."""
        run = self.init("--allow-github-org", "acme")
        [secret] = objects_in(self.read("secret.yaml"))
        for value in (SECRET, secret["stringData"]["cookie-secret"]):
            self.assertNotIn(value, run.out + run.err)

    def test_the_next_commands_are_told(self) -> None:
        """The callbacks to register and the two commands that follow are printed."""
        out = self.init("--allow-github-org", "acme", "--host", "a.example.com", "--gateway", "ingress/main").out
        self.assertIn("  https://a.example.com/oauth2/callback\n", out)
        self.assertIn(f"  kubectl apply -k {self.folder}\n", out)
        self.assertIn("--host a.example.com --route istio --gateway ingress/main | kubectl apply -f -", out)
        self.assertFalse((self.folder / "gateway.yaml").exists())

    def test_a_shared_callback_has_a_host_of_its_own(self) -> None:
        """Two sidecars that stay while nodes are drained serve it, and its route tries nothing twice."""
        run = self.init("--allow-github-org", "acme", "--shared-callback")
        self.assertIn("  https://auth.example.com/oauth2/callback\n", run.out)
        deployment, service, budget = objects_in(self.read("auth.yaml"))
        judge(self.read("auth.yaml"))
        self.assertEqual(deployment["spec"]["replicas"], 2)
        self.assertEqual(budget["spec"]["minAvailable"], 1)
        self.assertEqual(service["spec"]["ports"][0]["targetPort"], "o2sidecar")
        [container] = deployment["spec"]["template"]["spec"]["containers"]
        self.assertIn("--upstream=static://200", container["args"])
        [route] = objects_in(self.read("auth-route.yaml"))
        self.assertEqual(route["spec"]["hosts"], ["auth.example.com"])
        self.assertEqual([one["retries"] for one in route["spec"]["http"]], [{"attempts": 0}])
        [config] = objects_in(self.read("config.yaml"))
        url = 'redirect_url = "https://auth.example.com/oauth2/callback"\n'
        self.assertIn(url, config["data"]["oauth2_proxy.cfg"])

    def test_what_is_missing_is_asked_for(self) -> None:
        """At a terminal the issuer, the id and the secret are asked for, and nothing else."""
        run = self.init(
            *("--provider", "oidc", "--allow-email-domain", "example.com"),
            default=False,
            answers=["https://idp.example.com", "id-1", SECRET],
        )
        self.assertEqual((run.status, len(run.asked)), (0, 3))
        [secret] = objects_in(self.read("secret.yaml"))
        self.assertEqual(secret["stringData"]["client-secret"], SECRET)

    def test_a_secret_from_standard_input(self) -> None:
        """The client's secret can come by a pipe, and one line break at its end is not part of it."""
        arguments = ["--provider", "github", "--client-id", "x", "--client-secret-file", "-", "--allow-any-user"]
        run = self.init(*arguments, default=False, standard_input="piped\n")
        self.assertEqual(run.status, 0)
        self.assertEqual(objects_in(self.read("secret.yaml"))[0]["stringData"]["client-secret"], "piped")


class StartingTests(SynchronousTestCase):
    """What is written starts."""

    def test_a_sidecar_starts_from_it(self) -> None:
        """A sidecar is assembled from the folder's ConfigMap and Secret, with the arguments of its container."""
        work = Path(self.mktemp())
        work.mkdir()
        (work / "s").write_text("shhh")
        for number, (provider, *further) in enumerate(
            [
                ("github", "--allow-github-org", "acme", "--allow-github-team", "acme:platform"),
                ("google", "--allow-email-domain", "example.com"),
                ("entra-id", "--tenant", "11112222-3333-4444-5555-666677778888", "--allow-any-user"),
                ("azure", "--tenant", "11112222-3333-4444-5555-666677778888", "--allow-group", "g"),
                ("oidc", "--issuer", "https://idp.example.com", "--allow-group", 'a "b", c'),
                ("keycloak-oidc", "--issuer", "https://kc.example.com/realms/a", "--set", "allowed_roles=admin"),
                ("gitlab", "--set", "gitlab_groups=acme"),
                ("bitbucket", "--set", "bitbucket_team=acme"),
                ("oauth2", "--allow-any-user", *_set("login", "redeem", "profile")),
            ]
        ):
            folder = work / str(number)
            run = Run.of(
                main,
                *(
                    "--domain",
                    "example.com",
                    "--provider",
                    provider,
                    "-n",
                    "apps",
                    "-o",
                    str(folder),
                    "--client-id",
                    "x",
                ),
                *(
                    "--client-secret-file",
                    str(work / "s"),
                    *further,
                    "--shared-callback",
                    "--trusted-proxy",
                    "10.0.0.0/8",
                ),
            )
            self.assertEqual(run.status, 0, f"{provider}: {run.err}")
            [config] = objects_in((folder / "config.yaml").read_text())
            [secret] = objects_in((folder / "secret.yaml").read_text())
            values = {key.replace("-", "_"): value for key, value in secret["stringData"].items()}
            realm = Realm(domain="example.com", provider=provider, namespaces=("apps",))
            text = config["data"]["oauth2_proxy.cfg"]
            loaded = settings_of(text, Credentials(**values), arguments=arguments(realm), providers=KnownProviders())
            self.assertEqual(loaded.settings.provider, provider)
            self.assertEqual(loaded.settings.cookie_domains, (".example.com",))
            self.assertEqual(loaded.settings.code_challenge_method, "S256")
            self.assertEqual(
                loaded.settings.accepted_cookie_secrets_file, "/etc/o2sidecar/secret/accepted-cookie-secrets"
            )

    def test_the_auth_host_answers(self) -> None:
        """The sidecar of a shared callback runs from the folder, and begins sign-ins with the callback's URL."""
        work = Path(self.mktemp())
        work.mkdir()
        (work / "s").write_text("shhh")
        run = Run.of(
            main,
            *("--domain", "example.com", "--provider", "github", "-n", "apps", "-o", str(work / "o2")),
            *("--client-id", "id-1", "--client-secret-file", str(work / "s"), "--allow-github-org", "acme"),
            "--shared-callback",
        )
        self.assertEqual(run.status, 0)
        loaded = as_kubelet_would(work / "o2", work / "pod")
        reactor = MemoryReactorClock()
        service = make_sidecar(loaded, reactor=reactor, write=lambda data: None, descriptors=4096)
        service.privilegedStartService()
        # The first listener is that of metrics.
        ports: dict[int, Any] = {port: factory for port, factory, *_ in reactor.tcpServers}
        client = Wire(ports[4180].buildProtocol(None))
        client.send(b"GET /oauth2/start HTTP/1.1\r\nHost: auth.example.com\r\n\r\n")
        answer = client.take()
        self.assertIn(b" 302 ", answer.split(b"\r\n")[0])
        self.assertIn(b"redirect_uri=https%3A%2F%2Fauth.example.com%2Foauth2%2Fcallback", answer)
        foreign = Wire(ports[4180].buildProtocol(None))
        foreign.send(b"GET /oauth2/start HTTP/1.1\r\nHost: example.org\r\n\r\n")
        self.assertIn(b" 421 ", foreign.take().split(b"\r\n")[0])


def as_kubelet_would(folder: Path, pod: Path) -> Loaded:
    """The settings of the auth host's container: its arguments and environment, with its files below a folder."""
    [secret] = objects_in((folder / "secret.yaml").read_text())
    [config] = objects_in((folder / "config.yaml").read_text())
    deployment = objects_in((folder / "auth.yaml").read_text())[0]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    places = {"/etc/oauth2-proxy": config["data"], "/etc/o2sidecar/secret": secret["stringData"]}
    moved = {place: str(pod.resolve() / place.strip("/")) for place in places}

    def here(text: str) -> str:
        for place, other in moved.items():
            text = text.replace(place, other)
        return text

    for place, contents in places.items():
        Path(moved[place]).mkdir(parents=True)
        for name, text in contents.items():
            (Path(moved[place]) / name).write_text(here(text))
    [client_id] = container["env"]
    environment = {client_id["name"]: secret["stringData"][client_id["valueFrom"]["secretKeyRef"]["key"]]}
    return load([here(argument) for argument in container["args"]], environment, providers=KnownProviders())


def _set(*names: str) -> list[str]:
    return [word for name in names for word in ("--set", f"{name}_url=https://idp.example.com/{name}")]


class RefusalTests(_Case):
    """What would not protect is not written."""

    def test_everybody_only_when_said(self) -> None:
        """Without a restriction nothing is written, unless it is said that anybody may pass."""
        run = self.init()
        self.assertEqual(run.status, 1)
        self.assertIn("--allow-any-user", run.err)
        self.nothing_written()
        self.assertEqual(self.init("--allow-any-user").status, 0)
        self.assertIn('email_domains = ["*"]', self.read("config.yaml"))

    def test_both_at_once_is_a_contradiction(self) -> None:
        """Who restricts and lets everybody pass is asked which."""
        run = self.init("--allow-any-user", "--allow-github-org", "acme")
        self.assertEqual(run.status, 1)
        self.assertIn("--allow-any-user contradicts --allow-github-org", run.err)
        self.nothing_written()

    def test_every_address_is_no_restriction(self) -> None:
        """A star among the domains restricts nobody."""
        self.assertEqual(self.init("--allow-email-domain", "*").status, 1)
        self.nothing_written()

    def test_the_open_tenant_is_no_restriction(self) -> None:
        """A tenant is not taken for a rule about who may pass, since there are tenants that mean everybody."""
        usual = ["--client-id", "x", "--client-secret-file", str(self.secret), "--provider", "azure"]
        self.assertEqual(self.init(*usual, "--tenant", "common", default=False).status, 1)
        self.nothing_written()

    def test_a_restriction_that_does_not_fit(self) -> None:
        """A rule of another provider, or about groups that it does not know, is refused by its flag."""
        usual = ["--client-id", "x", "--client-secret-file", str(self.secret), "--provider", "google"]
        for flag, value in (("--allow-github-org", "acme"), ("--allow-group", "g"), ("--allow-tenant", "t")):
            run = self.init(*usual, flag, value, default=False)
            self.assertEqual(run.status, 1)
            self.assertIn(f"{flag}: ", run.err)
            self.nothing_written()

    def test_all_problems_at_once(self) -> None:
        """Everything that settings refuse is told in one go, under the names of the flags."""
        run = self.init("--allow-github-team", "x", "--trusted-proxy", "nowhere", "--set", "cookie_name=a b")
        self.assertEqual(run.status, 1)
        for name in ("--allow-github-team", "--trusted-proxy", "--set cookie_name"):
            self.assertIn(f"o2sidecar init: {name}: ", run.err)
        self.nothing_written()

    def test_a_missing_value_without_a_terminal(self) -> None:
        """Nobody is asked where nobody can answer: all missing values are told, and the status is 2."""
        run = self.init("--provider", "oidc", "--allow-any-user", default=False)
        self.assertEqual(run.status, 2)
        self.assertIn("--issuer, --client-id, --client-secret-file: missing", run.err)
        self.nothing_written()

    def test_hostile_names(self) -> None:
        """Names that would mean something else in YAML, in TOML or in the shell are no names."""
        for flag, value in (
            ("--domain", 'example.com"\nemail_domains = ["*"]'),
            ("--domain", "com"),
            ("--domain", "https://example.com"),
            ("--domain", "exämple.com"),
            ("-n", "apps;rm"),
            ("-n", ","),
            ("--gateway", "main"),
            ("--gateway", "a/b/c"),
            ("--tls-secret", "x\ny"),
            ("--gateway-selector", "istio: x"),
            ("--host", "other.org"),
            ("--auth-host", "a.example.com"),
            ("--set", "client_secret=x"),
            ("--set", "upstreams=http://127.0.0.1"),
            ("--set", "provider=oidc"),
            ("--set", "nothing=1"),
            ("--set", "email_domains"),
            ("--set", "cookie_expire=long"),
        ):
            run = self.init("--allow-any-user", flag, value)
            self.assertEqual(run.status, 2, f"{flag} {value}: {run.err}")
            self.assertNotIn("Traceback", run.err)
            self.nothing_written()

    def test_values_with_quotes_and_line_breaks(self) -> None:
        """What people may write freely stays one value in TOML and YAML, and controls are refused."""
        value = "a\"b'c\\ \u2028 #: {{x}} é"
        self.assertEqual(self.init("--allow-group", value).status, 0)
        [config] = objects_in(self.read("config.yaml"))
        credentials = Credentials(client_id="x", client_secret="x", cookie_secret="0" * 32)
        realm = Realm(domain="example.com", provider="github", namespaces=("apps",))
        text = config["data"]["oauth2_proxy.cfg"]
        loaded = settings_of(text, credentials, arguments=arguments(realm), providers=KnownProviders())
        self.assertEqual(loaded.settings.allowed_groups, (value,))
        self.folder = self.work / "other"
        for hostile in ("a\nemail_domains = []", "a\x7fb", "\x00"):
            self.assertEqual(self.init("--allow-group", hostile).status, 1)
            self.assertFalse(self.folder.exists())

    def test_an_empty_or_unreadable_secret(self) -> None:
        """A file without a secret is refused; one that is not there is misuse."""
        self.secret.write_text("\n")
        self.assertEqual(self.init("--allow-any-user").status, 1)
        self.secret.write_bytes(b"\xff")
        self.assertEqual(self.init("--allow-any-user").status, 2)
        self.secret.unlink()
        self.assertEqual(self.init("--allow-any-user").status, 2)
        self.assertFalse(self.folder.exists())


class ExistingFolderTests(_Case):
    """A folder that is there is changed by nobody's mistake."""

    def setUp(self) -> None:
        super().setUp()
        self.assertEqual(self.init("--allow-github-org", "acme").status, 0)

    def all(self) -> dict[str, bytes]:
        """Every file."""
        return {one.name: one.read_bytes() for one in self.folder.iterdir()}

    def test_the_same_again_changes_nothing(self) -> None:
        """The same arguments keep every byte; id and secret need not be said again."""
        before = self.all()
        self.assertEqual(self.init("--allow-github-org", "acme").status, 0)
        again = self.init("--provider", "github", "--allow-github-org", "acme", default=False)
        self.assertEqual((again.status, again.err), (0, ""))
        self.assertEqual(self.all(), before)

    def test_differences_are_shown_and_not_made(self) -> None:
        """Another rule is shown as a difference, secrets masked, and made with --force only; the keys stay."""
        before = self.all()
        self.secret.write_text("another-secret")
        run = self.init("--allow-github-org", "other")
        self.assertEqual(run.status, 1)
        self.assertIn('-    github_org = "acme"', run.err)
        self.assertIn('+    github_org = "other"', run.err)
        self.assertIn("+  client-secret: (another value)", run.err)
        self.assertIn("   cookie-secret: (as before)", run.err)
        self.assertEqual(self.all(), before)
        for secret in (
            SECRET,
            "another-secret",
            objects_in(self.read("secret.yaml"))[0]["stringData"]["cookie-secret"],
        ):
            self.assertNotIn(secret, run.err + run.out)
        forced = self.init("--allow-github-org", "other", "--force")
        self.assertEqual(forced.status, 0)
        [old] = objects_in(before["secret.yaml"].decode())
        [new] = objects_in(self.read("secret.yaml"))
        self.assertEqual(new["stringData"]["cookie-secret"], old["stringData"]["cookie-secret"])
        self.assertEqual(new["stringData"]["client-secret"], "another-secret")

    def test_foreign_files_stay(self) -> None:
        """Files that are not ours stay, and what .gitignore ignores already."""
        (self.folder / "mine.yaml").write_text("kind: Mine\n")
        (self.folder / ".gitignore").write_text("*.bak\n")
        self.assertEqual(self.init("--allow-github-org", "acme").status, 1)
        self.assertEqual(self.init("--allow-github-org", "acme", "--force").status, 0)
        self.assertEqual(self.read(".gitignore"), "*.bak\nsecret.yaml\n")
        self.assertEqual(self.read("mine.yaml"), "kind: Mine\n")

    def test_the_same_secret_written_otherwise(self) -> None:
        """A Secret that people wrote in another way, with the same values, stays as they wrote it."""
        text = self.read("secret.yaml").replace("stringData:", "# ours\nstringData:")
        (self.folder / "secret.yaml").write_text(text)
        self.assertEqual(self.init("--allow-github-org", "acme").status, 0)
        self.assertEqual(self.read("secret.yaml"), text)

    def test_a_link_is_not_followed(self) -> None:
        """A link in a file's place is refused, and what it leads to stays as it is."""
        target = self.work / "precious"
        target.write_text("precious")
        (self.folder / "config.yaml").unlink()
        (self.folder / "config.yaml").symlink_to(target.resolve())
        run = self.init("--allow-github-org", "acme", "--force")
        self.assertEqual(run.status, 1)
        self.assertIn("this is a link", run.err)
        self.assertEqual(target.read_text(), "precious")

    def test_a_secret_of_the_wrong_form(self) -> None:
        """A file whose keys cannot be kept is named with its line, and nothing is lost."""
        for text in ("a: [\n", "kind: Secret\nmetadata: {name: oauth2-proxy-secret}\ndata: {cookie-secret: '%'}\n"):
            (self.folder / "secret.yaml").write_text(text)
            run = self.init("--allow-github-org", "acme", "--force")
            self.assertEqual(run.status, 1)
            self.assertIn("secret.yaml", run.err)
            self.assertEqual(self.read("secret.yaml"), text)

    def test_an_open_file_is_closed(self) -> None:
        """A file with secrets that others could read is closed to them, and that is said."""
        (self.folder / "secret.yaml").chmod(0o644)
        run = self.init("--allow-github-org", "acme")
        self.assertIn("could be read by others", run.err)
        self.assertEqual(stat.S_IMODE((self.folder / "secret.yaml").stat().st_mode), 0o600)

    def test_what_is_no_folder(self) -> None:
        """A file in the folder's place is refused."""
        self.folder = self.secret
        self.assertEqual(self.init("--allow-github-org", "acme").status, 1)
        self.assertEqual(self.secret.read_text(), f"{SECRET}\n")

    def test_a_folder_that_cannot_be_written(self) -> None:
        """Where a file cannot be made nothing is, and no half of it stays behind."""
        self.folder = Path("/proc/o2")
        run = self.init("--allow-github-org", "acme")
        self.assertEqual(run.status, 1)
        self.assertIn("cannot be written", run.err)
