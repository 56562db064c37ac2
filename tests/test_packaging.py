"""Tests of what is shipped: the wheel, and twistd's finding the plugin however the package was installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from functools import cache
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.end_to_end.processes import clean_environment

ROOT = Path(__file__).resolve().parent.parent
SHIPPED = ("setup.py", "pyproject.toml", "README.md", "o2sidecar", "twisted")
TWISTD = "from twisted.scripts.twistd import run; run()"


def said(*command: str | Path, cwd: Path | str = "/") -> str:
    """What a command prints; it must end with 0."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=clean_environment({"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@cache
def source() -> Path:
    """A copy of what is built from, so that the build leaves nothing in the checkout; once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="source-", dir=".")).resolve()
    for name in SHIPPED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "dropin.cache"))
        else:
            shutil.copy(ROOT / name, folder)
    return folder


@cache
def wheel() -> Path:
    """The wheel; built once for all tests."""
    folder = Path(tempfile.mkdtemp(prefix="wheel-", dir=".")).resolve()
    said(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, source())
    (built,) = folder.glob("*.whl")
    return built


class Environment:
    """A virtual environment that sees the packages of this one, but nothing of o2sidecar's."""

    def __init__(self, folder: Path) -> None:
        said(sys.executable, "-m", "venv", "--without-pip", folder)
        self.python = folder / "bin" / "python"
        (self.site_packages,) = folder.glob("lib/python*/site-packages")
        # A .pth file that is only reached through another one is not read, so our own editable install is not seen.
        (self.site_packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def install(self, *what: str | Path) -> None:
        """Install packages without what they depend on."""
        said(sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--no-deps", *what)

    def twistd(self, *arguments: str, cwd: Path | str = "/") -> str:
        """What twistd prints."""
        return said(self.python, "-c", TWISTD, *arguments, cwd=cwd)


class WheelTests(SynchronousTestCase):
    """The wheel has what is needed, and nothing of Twisted's."""

    def setUp(self) -> None:
        """The names in it."""
        with zipfile.ZipFile(wheel()) as file:
            self.names = set(file.namelist())
            self.metadata = next(
                file.read(name).decode() for name in self.names if name.endswith(".dist-info/METADATA")
            )

    def test_plugin(self) -> None:
        """The plugin is there; Twisted's own packages are not touched (`twisted/__init__.py` would break Twisted)."""
        ours = {name for name in self.names if name.startswith("twisted")}
        self.assertEqual(ours, {"twisted/plugins/o2sidecar_plugin.py"})

    def test_every_module_and_template(self) -> None:
        """Every file of the package is shipped, templates and the typing mark too."""
        missing = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / "o2sidecar").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        } - self.names
        self.assertEqual(missing, set())
        self.assertIn("o2sidecar/py.typed", self.names)
        self.assertTrue(any(name.startswith("o2sidecar/demo/templates/") for name in self.names))

    def test_nothing_else(self) -> None:
        """Tests, benchmarks and documents stay at home."""
        tops = {name.split("/")[0] for name in self.names if ".dist-info/" not in name}
        self.assertEqual(tops, {"o2sidecar", "twisted"})

    def test_metadata(self) -> None:
        """It says which Python it needs, and depends on the Twisted with the security fixes."""
        self.assertIn("Requires-Python: >=3.11", self.metadata)
        self.assertIn("Requires-Dist: twisted>=26.10", self.metadata)


class InstalledTests(SynchronousTestCase):
    """`twistd o2sidecar` is there however the package was installed, and from any folder."""

    def setUp(self) -> None:
        """An environment without o2sidecar."""
        self.folder = Path(self.mktemp()).resolve()
        self.environment = Environment(self.folder / "venv")
        self.elsewhere = self.folder / "elsewhere"
        self.elsewhere.mkdir()
        self.assertNotIn("o2sidecar", self.environment.twistd("--help"), "the environment is not clean")

    def assert_found(self, at: Path) -> None:
        """Twistd lists the plugin and runs what is installed at `at`."""
        for cwd in (Path("/"), self.elsewhere):
            self.assertRegex(self.environment.twistd("--help", cwd=cwd), r"(?m)^ +o2sidecar +\w")
        self.assertRegex(self.environment.twistd("-n", "o2sidecar", "--version"), r"^o2sidecar \d")
        self.assertRegex(said(self.environment.python.parent / "o2sidecar", "--version"), r"^o2sidecar \d")
        where = said(self.environment.python, "-c", "import o2sidecar; print(o2sidecar.__file__)").strip()
        self.assertEqual(Path(where).parent, at / "o2sidecar")

    def test_wheel(self) -> None:
        """From a wheel; taking it away again leaves Twisted whole."""
        self.environment.install("--no-index", wheel())
        self.assert_found(self.environment.site_packages)
        said(
            sys.executable, "-m", "pip", "--python", self.environment.python, "uninstall", "--quiet", "-y", "o2sidecar"
        )
        self.assertNotIn("o2sidecar", self.environment.twistd("--help"))

    def test_editable(self) -> None:
        """From a checkout that one works on."""
        self.environment.install("-e", source())
        self.assert_found(source())
