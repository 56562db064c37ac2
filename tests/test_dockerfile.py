"""Tests of the image without a container engine: what the Dockerfile says, and what its steps make."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.processes import ProcessCase, Running, clean_environment, free_port
from tests.end_to_end.visitor import Visitor
from tests.test_packaging import said, source

ROOT = Path(__file__).resolve().parent.parent
UID = 2000
ROOTLY = os.geteuid() == 0
"""Root runs the image's steps as another uid, as a container does; anybody else runs them as themselves."""


@frozen
class Instruction:
    """One instruction of a Dockerfile: its word, and what stands behind it on one line."""

    word: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The exec form's words; empty in the shell form, which needs a shell."""
        return list(json.loads(self.rest)) if self.rest.startswith("[") else []


def instructions(text: str) -> list[Instruction]:
    """A Dockerfile's instructions, comments left out and continued lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [Instruction(*line.split(None, 1)) for line in joined.splitlines()]


DOCKERFILE = instructions((ROOT / "Dockerfile").read_text("utf-8"))


class DockerfileTests(SynchronousTestCase):
    """What the Dockerfile says."""

    def setUp(self) -> None:
        """The last stage is what is shipped."""
        starts = [number for number, each in enumerate(DOCKERFILE) if each.word == "FROM"]
        self.bases = [DOCKERFILE[number].rest.split()[0] for number in starts]
        self.build, self.final = DOCKERFILE[: starts[-1]], DOCKERFILE[starts[-1] + 1 :]

    def last(self, word: str) -> Instruction:
        """The last instruction of a kind in what is shipped."""
        found = [each for each in self.final if each.word == word]
        self.assertTrue(found, f"no {word}")
        return found[-1]

    def environment(self) -> dict[str, str]:
        """The variables that are set."""
        return dict(word.split("=", 1) for each in self.final if each.word == "ENV" for word in each.rest.split())

    def test_stages(self) -> None:
        """Two stages on one and the same pinned slim Debian; what builds is not shipped."""
        self.assertEqual(len(self.bases), 2)
        self.assertEqual(len(set(self.bases)), 1)
        self.assertRegex(self.bases[0], r"^python:3\.1[1-4]-slim-bookworm$")
        self.assertEqual([each.word for each in self.final if each.word in {"RUN", "ADD"}], [])
        self.assertTrue(all("--from=build" in each.rest for each in self.final if each.word == "COPY"))

    def test_user(self) -> None:
        """It runs as uid 2000, by number, so that `runAsNonRoot` can be checked."""
        self.assertEqual(self.last("USER").rest, "2000:2000")

    def test_no_shell(self) -> None:
        """The program is started directly, and so gets the signals."""
        self.assertEqual(self.last("ENTRYPOINT").words, ["o2sidecar", "run"])
        self.assertEqual(self.last("STOPSIGNAL").rest, "SIGTERM")
        self.assertNotIn("CMD", [each.word for each in self.final])

    def test_health(self) -> None:
        """The program itself checks its health: no shell, no curl."""
        options, _, command = self.last("HEALTHCHECK").rest.partition(" CMD ")
        self.assertEqual(json.loads(command), ["o2sidecar", "healthcheck"])
        for option in ("--interval=", "--timeout=", "--start-period="):
            self.assertIn(option, options)

    def test_ports(self) -> None:
        """The port of the sidecar and the port of its probes and figures."""
        self.assertEqual(self.last("EXPOSE").rest.split(), ["4180", "44180"])

    def test_environment(self) -> None:
        """It listens for others, has the safe defaults, and never writes byte code; no secret is in it."""
        found = self.environment()
        self.assertEqual(found["O2SIDECAR_DEFAULTS"], "o2sidecar")
        self.assertEqual(found["OAUTH2_PROXY_HTTP_ADDRESS"], "0.0.0.0:4180")
        self.assertEqual(found["PYTHONDONTWRITEBYTECODE"], "1")
        self.assertEqual([name for name in found if "SECRET" in name], [])

    def test_byte_code_and_plugin_cache(self) -> None:
        """Both are made while building, after the tests of Twisted are gone."""
        steps = " && ".join(each.rest for each in self.build if each.word == "RUN")
        order = [steps.index(word) for word in ("pip wheel", "--no-index", "-name test", "compileall", "twistd --help")]
        self.assertEqual(order, sorted(order))

    def test_context(self) -> None:
        """Only what is built from is sent to the engine: everything is left out but what the build copies."""
        lines = [
            line
            for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
            if line and not line.startswith("#")
        ]
        self.assertEqual(lines[0], "*")
        copied = {word.rstrip("/") for each in self.build if each.word == "COPY" for word in each.rest.split()[:-1]}
        self.assertEqual({line[1:] for line in lines if line.startswith("!")}, copied)
        self.assertEqual([name for name in copied if not (ROOT / name).exists()], [])


class ParserTests(SynchronousTestCase):
    """The reader of Dockerfiles."""

    def test_lines(self) -> None:
        """Comments go, also between continued lines, and continued lines are one."""
        found = instructions('FROM a AS b\n# no\n\nENV A=1 \\\n  # nor this\n    B=2\nENTRYPOINT ["x", "y"]\n')
        self.assertEqual([each.word for each in found], ["FROM", "ENV", "ENTRYPOINT"])
        self.assertEqual(found[1].rest, "A=1 B=2")
        self.assertEqual(found[2].words, ["x", "y"])
        self.assertEqual(found[0].words, [])


def python_for(uid: int) -> str:
    """A Python that a stranger to this machine can run too; one in somebody's home usually is closed to others."""
    for name in ("python3.13", "python3.12", "python3.11", "python3"):
        for folder in os.get_exec_path():
            path = Path(folder, name)
            try:
                done = subprocess.run(
                    [str(path), "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"],
                    cwd="/",
                    env={},
                    capture_output=True,
                    check=False,
                    user=uid if ROOTLY else None,
                    group=uid if ROOTLY else None,
                    extra_groups=() if ROOTLY else None,
                )
            except OSError:
                continue
            if done.returncode == 0:
                return str(path)
    raise AssertionError(f"no Python 3.11 or newer that uid {uid} may run: install Debian's python3 and python3-venv")


def take_away(folder: Path) -> None:
    """Delete a folder, what is read-only in it too."""
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
    shutil.rmtree(folder)


@cache
def image() -> Path:
    """What the Dockerfile's steps make, in a scratch folder; made once for all tests.

    The RUN lines are the Dockerfile's own, with `/opt/o2sidecar` and `/build` in that folder.
    """
    scratch = Path(tempfile.mkdtemp(prefix="o2sidecar-image-"))
    atexit.register(take_away, scratch)
    scratch.chmod(0o755)
    build = scratch / "build"
    shutil.copytree(source(), build)
    python = python_for(UID)
    said(python, "-m", "venv", scratch / "tools")
    environment = clean_environment({"PATH": f"{scratch / 'tools' / 'bin'}:{os.environ['PATH']}"})
    for each in DOCKERFILE:
        if each.word == "RUN":
            line = each.rest.replace("/opt/o2sidecar", f"{scratch}/opt").replace("/build", str(build))
            # The cache that the image does without is welcome here.
            line = line.replace(" --no-cache-dir", "").replace("python -m venv", f"{python} -m venv")
            done = subprocess.run(
                ["sh", "-c", line], cwd=build, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise AssertionError(f"RUN {line} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    shutil.rmtree(build)
    shutil.rmtree(scratch / "tools")
    return scratch


class ImageTests(ProcessCase):
    """What the image does: the same steps, run as a stranger who may not write anywhere."""

    def setUp(self) -> None:
        """The tree, which nobody may write to, and all its files with their times."""
        self.image = image()
        self.bin = self.image / "opt" / "bin"
        if not ROOTLY:
            for path in [*self.image.rglob("*"), self.image]:
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & ~0o222)
        self.before = self.files()

    def files(self) -> dict[str, float]:
        """Every file with the time of its last change."""
        return {str(path): path.lstat().st_mtime for path in self.image.rglob("*")}

    def start(self, *command: str, **settings: str) -> Running:
        """A command of the image, as the image's user, with the image's variables."""
        variables = {
            word.split("=", 1)[0]: word.split("=", 1)[1]
            for each in DOCKERFILE
            if each.word == "ENV"
            for word in each.rest.split()
        }
        variables |= {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": "/nonexistent", "TMPDIR": "/nonexistent"}
        variables |= {f"OAUTH2_PROXY_{key}": value for key, value in settings.items()}
        return self.run_process([str(self.bin / command[0]), *command[1:]], variables, uid=UID if ROOTLY else None)

    def test_it_answers(self) -> None:
        """It listens, answers its health check, ends on SIGTERM with 0, and has written nothing."""
        port = free_port()
        settings = {
            "HTTP_ADDRESS": f"127.0.0.1:{port}",
            "PROVIDER": "github",
            "CLIENT_ID": "x",
            "CLIENT_SECRET": "x",
            "COOKIE_SECRET": "0123456789abcdef0123456789abcdef",
            "EMAIL_DOMAINS": "*",
            "UPSTREAMS": "http://127.0.0.1:9",
        }
        sidecar = self.start("o2sidecar", "run", **settings)
        sidecar.await_listening(port)
        answer = Visitor().get(f"http://127.0.0.1:{port}/ping")
        self.assertEqual((answer.status, answer.body), (200, b"OK"))
        self.assertIn("<html", Visitor().get(f"http://127.0.0.1:{port}/oauth2/sign_in").text)
        self.assertEqual(self.start("o2sidecar", "healthcheck", **settings).status(), 0)
        self.assertEqual(sidecar.stop(), 0, sidecar.output())
        self.assertEqual(self.start("o2sidecar", "healthcheck", **settings).status(), 1)
        self.assertEqual(self.files(), self.before)

    def test_plugin(self) -> None:
        """Twistd finds the plugin in the cache that was made, and writes nothing and complains of nothing."""
        twistd = self.start("twistd", "--help")
        self.assertEqual(twistd.status(), 0, twistd.output())
        self.assertIn("o2sidecar", twistd.output())
        self.assertNotIn("rror", twistd.output().replace("errors", ""))
        self.assertEqual(self.files(), self.before)

    def test_byte_code(self) -> None:
        """Every module has its byte code beside it, which is never compared with its source."""
        (packages,) = self.image.glob("opt/lib/python*/site-packages")
        for package in ("o2sidecar", "twisted", "joserfc"):
            for path in (packages / package).rglob("*.py"):
                compiled = list((path.parent / "__pycache__").glob(f"{path.stem}.cpython-*.pyc"))
                self.assertEqual(len(compiled), 1, path)
                # PEP 552: flags 1 is hash-based and not checked
                self.assertEqual(compiled[0].read_bytes()[4:8], b"\x01\0\0\0", path)

    def test_left_out(self) -> None:
        """Neither Twisted's tests nor pip are shipped."""
        self.assertEqual(list(self.image.glob("opt/lib/python*/site-packages/twisted/**/test")), [])
        self.assertFalse((self.bin / "pip").exists())
        self.assertTrue((self.bin / "twistd").exists())
