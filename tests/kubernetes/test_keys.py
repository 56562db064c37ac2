"""Tests for `o2sidecar keys`: new secrets, and those of manifests put in the place of former ones."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.kubernetes.init.command import main as init
from o2sidecar.kubernetes.keys import main
from o2sidecar.session.codec import SessionCodec
from o2sidecar.session.cookies import CookieAttributes, SessionCookie
from o2sidecar.session.keys import CookieKey, KeyRing
from o2sidecar.session.sealing import CookieRefused
from o2sidecar.session.session import Session
from o2sidecar.settings.files import lines_of, without_line_break
from tests.kubernetes.running import Run, counting
from tests.kubernetes.schemas import judge, objects_in

OLD = base64.urlsafe_b64encode(b"o" * 32).decode()
NOW = 1_800_000_000.0
OLDER = base64.urlsafe_b64encode(b"p" * 32).decode()


def secret(cookie: str = OLD, accepted: str = "", half: str = "stringData", name: str = "oauth2-proxy-secret") -> str:
    """A Secret as people write it, with what has to stay."""

    def shown(text: str) -> str:
        return base64.b64encode(text.encode()).decode() if half == "data" else text

    lines = f'  accepted-cookie-secrets: "{shown(accepted)}"  # former ones\n' if accepted else ""
    return (
        f"# the realm's\napiVersion: v1\nkind: Secret\nmetadata:\n  name:   {name}   # keep\n  namespace: apps\n"
        f"type: Opaque\n{half}:\n  client-id: '{shown('id-1')}'\n"
        f"  cookie-secret: {shown(cookie)}  # sealed with\n{lines}"
    )


def values(text: str) -> dict[str, str]:
    """What the first Secret of a stream holds."""
    one = objects_in(text)[0]
    encoded = {key: base64.b64decode(value).decode() for key, value in one.get("data", {}).items()}
    return {**encoded, **one.get("stringData", {})}


class NewTests(SynchronousTestCase):
    """`keys new` makes a secret."""

    def test_a_new_secret(self) -> None:
        """It is 32 bytes in URL-safe base64, another one each time."""
        run = Run.of(main, "new")
        self.assertEqual(run.status, 0)
        self.assertRegex(run.out, r"\A[A-Za-z0-9_-]{43}=\n\Z")
        self.assertEqual(len(CookieKey.from_text(run.out.strip()).aes), 32)
        random = counting()
        self.assertNotEqual(*(Run.of(main, "new", random=random).out for _ in range(2)))


class RotationTests(SynchronousTestCase):
    """`keys rotate` puts a new secret into a manifest."""

    def rotated(self, text: str, *further: str) -> Run:
        """By standard input and output."""
        return Run.of(main, "rotate", "-f", "-", "-o", "-", *further, standard_input=text)

    def test_only_values_change(self) -> None:
        """Comments, order and blanks stay, in either half of the Secret."""
        for half in ("stringData", "data"):
            text = secret(accepted=f"{OLDER}", half=half)
            run = self.rotated(text)
            self.assertEqual((run.status, run.err), (0, ""))
            judge(run.out)
            held = values(run.out)
            self.assertEqual(lines_of(held["accepted-cookie-secrets"]), [OLD, OLDER])
            self.assertNotIn(held["cookie-secret"], (OLD, OLDER))
            self.assertEqual(held["client-id"], "id-1")
            kept = [line for line in text.splitlines() if "secret" not in line.partition(":")[0]]
            for line in kept:
                self.assertIn(line, run.out.splitlines())
            for comment in ("# sealed with", "# former ones", "# keep"):
                self.assertIn(comment, run.out)

    def test_the_first_rotation(self) -> None:
        """A Secret without former secrets gets the key for them in the same half."""
        for half in ("stringData", "data"):
            run = self.rotated(secret(half=half))
            self.assertEqual(lines_of(values(run.out)["accepted-cookie-secrets"]), [OLD])
            self.assertEqual(set(objects_in(run.out)[0]) & {"data", "stringData"}, {half})

    def test_a_sidecar_opens_former_cookies(self) -> None:
        """A sidecar with the rotated Secret's files opens what the former secret sealed, and seals with the new one."""
        before = SessionCodec(ring=KeyRing.from_texts([OLD]), expire=3600)
        value = before.encode("_oauth2_proxy", Session(user="ada", created_at=NOW))
        held = values(self.rotated(secret()).out)
        ring = KeyRing.from_texts(
            [without_line_break(held["cookie-secret"]), *lines_of(held["accepted-cookie-secrets"])]
        )
        attributes = CookieAttributes(name="_oauth2_proxy", expire=3600)
        cookie = SessionCookie(attributes=attributes, codec=SessionCodec(ring=ring, expire=3600))
        carried = cookie.carried([("_oauth2_proxy", value)], NOW + 1)
        assert carried is not None
        self.assertEqual((carried.session.user, carried.aged), ("ada", True))
        self._refused(ring, value)

    def _refused(self, ring: KeyRing, value: str) -> None:
        """Without the former secret, the cookie is refused."""
        attributes = CookieAttributes(name="_oauth2_proxy", expire=3600)
        only = SessionCodec(ring=KeyRing(keys=ring.keys[:1]), expire=3600)
        with self.assertRaises(CookieRefused):
            SessionCookie(attributes=attributes, codec=only).carried([("_oauth2_proxy", value)], NOW + 1)

    def test_as_many_as_are_wanted(self) -> None:
        """The newest are kept, each once; with none, everybody has to sign in anew."""
        former = "\n".join(base64.urlsafe_b64encode(bytes([n]) * 32).decode() for n in range(5))
        text = (
            secret().rstrip("\n")
            + "\n  accepted-cookie-secrets: |\n"
            + "".join(f"    {one}\n" for one in former.split())
        )
        for keep, count in (((), 3), (("--keep", "2"), 2), (("--keep", "0"), 0), (("--keep", "9"), 6)):
            held = lines_of(values(self.rotated(text, *keep).out).get("accepted-cookie-secrets", ""))
            self.assertEqual(held, [OLD, *former.split()][:count])
        self.assertEqual(self.rotated(text, "--keep", "-1").status, 2)

    def test_namespaces_stay_together(self) -> None:
        """Secrets that were the same are the same afterwards; another one gets another."""
        run = self.rotated(f"{secret()}---\n{secret()}---\n{secret(cookie=OLDER)}")
        first, second, third = (one["stringData"]["cookie-secret"] for one in objects_in(run.out))
        self.assertEqual(first, second)
        self.assertNotEqual(first, third)

    def test_other_objects_stay(self) -> None:
        """What is no such Secret stays byte for byte."""
        other = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: oauth2-proxy-secret}\ndata: {cookie-secret:   x}\n"
        run = self.rotated(f"{other}---\n{secret()}---\n{secret(name='other')}")
        self.assertTrue(run.out.startswith(f"{other}---\n"))
        self.assertTrue(run.out.endswith(f"---\n{secret(name='other')}"))

    def test_twice(self) -> None:
        """What one rotation wrote another one can rotate."""
        random = counting()
        once = Run.of(main, "rotate", "-f", "-", "-o", "-", standard_input=secret(), random=random).out
        twice = Run.of(main, "rotate", "-f", "-", "-o", "-", standard_input=once, random=random).out
        former = lines_of(values(twice)["accepted-cookie-secrets"])
        self.assertEqual(former, [values(once)["cookie-secret"], OLD])

    def test_a_file_in_place(self) -> None:
        """The file keeps its mode, and nothing is printed that is secret."""
        path = Path(self.mktemp())
        path.write_text(secret())
        path.chmod(0o640)
        run = Run.of(main, "rotate", "-f", str(path))
        self.assertEqual((run.status, run.out), (0, ""))
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o640)
        new = values(path.read_text())["cookie-secret"]
        for text in (OLD, new):
            self.assertNotIn(text, run.err)
        self.assertEqual([one.name for one in path.parent.iterdir() if path.name in one.name], [path.name])

    def test_another_file(self) -> None:
        """Another file that is new is its owner's alone, and the first stays."""
        path, other = Path(self.mktemp()), Path(self.mktemp())
        path.write_text(secret())
        self.assertEqual(Run.of(main, "rotate", "-f", str(path), "-o", str(other)).status, 0)
        self.assertEqual(path.read_text(), secret())
        self.assertEqual(stat.S_IMODE(other.stat().st_mode), 0o600)

    def test_a_link(self) -> None:
        """A link stays one, and the file that it leads to is rotated."""
        path = Path(self.mktemp()).resolve()
        path.write_text(secret())
        link = path.with_name(f"{path.name}.link")
        link.symlink_to(path)
        self.assertEqual(Run.of(main, "rotate", "-f", str(link)).status, 0)
        self.assertTrue(link.is_symlink())
        self.assertNotEqual(values(path.read_text())["cookie-secret"], OLD)

    def test_secrets_only_where_they_are_asked_for(self) -> None:
        """Standard output has to be named."""
        run = Run.of(main, "rotate", "-f", "-", standard_input=secret())
        self.assertEqual((run.status, run.out), (2, ""))


class AfterInitTests(SynchronousTestCase):
    """What `init` wrote can be rotated, and is left as it is then."""

    def test_init_rotate_init(self) -> None:
        """After a rotation `init` finds the folder as it would have written it, with the keys of now."""
        work = Path(self.mktemp())
        work.mkdir()
        (work / "s").write_text("shhh")
        arguments = ["--domain", "example.com", "--provider", "github", "--allow-github-org", "acme", "-n", "a,b"]
        arguments += ["-o", str(work / "o2"), "--client-id", "x", "--client-secret-file", str(work / "s")]
        self.assertEqual(Run.of(init, *arguments, "--shared-callback").status, 0)
        path = work / "o2" / "secret.yaml"
        before = values(path.read_text())["cookie-secret"]
        self.assertEqual(Run.of(main, "rotate", "-f", str(path), random=lambda size: b"n" * size).status, 0)
        rotated = path.read_text()
        judge(rotated)
        for one in objects_in(rotated):
            self.assertEqual(lines_of(one["stringData"]["accepted-cookie-secrets"]), [before])
        again = Run.of(init, *arguments, "--shared-callback")
        self.assertEqual((again.status, again.err), (0, ""))
        self.assertEqual(path.read_text(), rotated)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)


class RefusalTests(SynchronousTestCase):
    """What cannot be rotated stays."""

    def refusal(self, text: str) -> str:
        """Why a manifest is not rotated."""
        run = Run.of(main, "rotate", "-f", "-", "-o", "-", standard_input=text)
        self.assertEqual((run.status, run.out), (1, ""))
        self.assertNotIn("Traceback", run.err)
        return run.err

    def test_no_secret(self) -> None:
        """A stream without such a Secret is told so."""
        for text in ("", "a: 1\n", secret(name="other"), secret().replace("cookie-secret", "cookie")):
            self.assertIn("there is no Secret oauth2-proxy-secret", self.refusal(text))

    def test_bad_values(self) -> None:
        """A value that is no key, no base64 or no text is named with its place and never shown."""
        hostile = [
            secret(cookie="$(openssl rand -base64 32)"),
            secret(accepted="too-short-for-a-key"),
            secret(half="data").replace(base64.b64encode(OLD.encode()).decode(), "no-base64"),
            secret().replace(OLD, "12345"),
            secret().replace(f"  cookie-secret: {OLD}", "  cookie-secret: [x]"),
        ]
        for text in hostile:
            said = self.refusal(text)
            self.assertRegex(said, r"-:\d+.*: Secret apps/oauth2-proxy-secret: ")
            for value in ("openssl", "too-short", "12345"):
                self.assertNotIn(value, said)

    def test_immutable(self) -> None:
        """A Secret that the API server would not change is left alone."""
        self.assertIn("immutable", self.refusal(secret() + "immutable: true\n"))

    def test_broken_yaml(self) -> None:
        """Broken text is named with line and column."""
        self.assertIn("-:", self.refusal("a: [\n"))

    def test_a_folder_that_cannot_be_written(self) -> None:
        """A file that cannot be made is told, and the manifest stays."""
        path = Path(self.mktemp())
        path.write_text(secret())
        for other in ("/proc/x.yaml", "/nowhere/x.yaml"):
            self.assertEqual(Run.of(main, "rotate", "-f", str(path), "-o", other).status, 1)
        self.assertEqual(path.read_text(), secret())
