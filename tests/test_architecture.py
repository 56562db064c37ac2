"""The house's rules as data: which ring a room is in, that imports go inwards only, and that rooms stay small."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

PACKAGE = Path(__file__).resolve().parent.parent / "o2sidecar"

RINGS: dict[str, int] = {
    # ring 1: values and rules; no network, no framework
    "settings": 1,
    "session": 1,
    "oauth": 1,
    "policy": 1,
    "certificate": 1,
    "durations": 1,
    "identity": 1,
    "refusals": 1,
    # ring 2: the edge
    "http": 2,
    "guard": 2,
    "proxy": 2,
    "signin": 2,
    "providers": 2,
    "provider_client": 2,
    "emails_file": 2,
    "htpasswd_file": 2,
    "watched_files": 2,
    "configuration_files": 2,
    "secret_file": 2,
    "shared_call": 2,
    "observe": 2,
    "stores": 2,
    # ring 3: composes
    "site": 3,
    "assembly": 3,
    "service": 3,
    "descriptors": 3,
    "library_pages": 3,
    "foreground": 3,
    "tap": 3,
    "cli": 3,
    "healthcheck": 3,
    "revoke": 3,
    "demo": 3,
    "kubernetes": 3,
}
"""Room (a folder or a module of the package) to its ring."""

FRAMEWORKS = {"twisted", "treq", "klein", "httptools", "jinja2", "zope", "OpenSSL", "asyncio", "socket"}
"""What ring 1 may not import."""

MEETS_THE_REACTOR = {"tap.py", "demo/run.py", "revoke.py", "kubernetes/webhook/command.py"}
"""The only modules that may import the global reactor."""

MEETS_THE_ENVIRONMENT = {"tap.py", "healthcheck.py", "revoke.py", "cli.py", "demo/run.py", "settings/reference.py"}
"""The only modules that may read environment variables or arguments."""

MOST_LINES = 300
MOST_FUNCTION_LINES = 45
FORBIDDEN_NAMES = {"utils", "util", "common", "helpers", "helper", "models", "manager", "misc"}


def _modules() -> dict[str, ast.Module]:
    return {
        path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8"), str(path))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


def _room(path: str) -> str:
    return path.split("/", maxsplit=1)[0].removesuffix(".py")


def _imports(tree: ast.Module) -> list[tuple[int, str]]:
    """Every module that is imported, at run time, with its line; imports for type checkers do not count."""
    guarded = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for node in ast.walk(block)
    }
    found = []
    for node in ast.walk(tree):
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def _docstring_lines(node: ast.AST) -> set[int]:
    lines: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and inner.body:
            first = inner.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    return lines


def _code_lines(path: str, tree: ast.Module, start: int = 1, end: int | None = None) -> int:
    text = (PACKAGE / path).read_text("utf-8").splitlines()
    documents = _docstring_lines(tree)
    return sum(
        1
        for number, line in enumerate(text, 1)
        if start <= number <= (end or len(text))
        and number not in documents
        and line.strip()
        and not line.strip().startswith("#")
    )


class TheHouseTests(SynchronousTestCase):
    """The package keeps the shape that docs/architecture.md describes."""

    def test_every_room_has_a_ring(self) -> None:
        """A new room says which ring it belongs to."""
        rooms = {_room(path) for path in _modules()} - {"__init__"}
        self.assertEqual(rooms - RINGS.keys(), set())
        self.assertEqual(RINGS.keys() - rooms, set(), "a ring is given to a room that is not there")

    def test_imports_go_inwards(self) -> None:
        """No module imports a room of an outer ring."""
        wrong = []
        for path, tree in _modules().items():
            ring = RINGS.get(_room(path), 0)
            for line, name in _imports(tree):
                if name.startswith("o2sidecar.") and RINGS.get(name.split(".")[1], 0) > ring:
                    wrong.append(f"{path}:{line} imports {name}")
        self.assertEqual(wrong, [])

    def test_ring_one_knows_no_framework(self) -> None:
        """Values and rules import neither Twisted nor anything else that does I/O."""
        wrong = [
            f"{path}:{line} imports {name}"
            for path, tree in _modules().items()
            if RINGS.get(_room(path)) == 1
            for line, name in _imports(tree)
            if name.split(".")[0] in FRAMEWORKS
        ]
        self.assertEqual(wrong, [])

    def test_the_reactor_comes_in_by_constructor(self) -> None:
        """Only the composing modules import the global reactor."""
        wrong = [
            f"{path}:{line}"
            for path, tree in _modules().items()
            if path not in MEETS_THE_REACTOR
            for line, name in _imports(tree)
            if name == "twisted.internet.reactor"
        ]
        self.assertEqual(wrong, [])

    def test_the_environment_is_read_in_one_place(self) -> None:
        """Nothing below the composing modules looks at environment variables or the command line."""
        wrong = [
            f"{path}:{node.lineno}"
            for path, tree in _modules().items()
            if path not in MEETS_THE_ENVIRONMENT
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv", "sys.argv"}
        ]
        self.assertEqual(wrong, [])

    def test_every_module_says_its_job(self) -> None:
        """The first docstring line is there and ends as a sentence."""
        wrong = [
            path
            for path, tree in _modules().items()
            if not (ast.get_docstring(tree) or "").split("\n\n")[0].strip().endswith((".", ":"))
        ]
        self.assertEqual(wrong, [])

    def test_public_names_have_docstrings(self) -> None:
        """Public functions, methods and classes say what they do."""
        wrong = [
            f"{path}:{node.lineno} {node.name}"
            for path, tree in _modules().items()
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and not node.name.startswith("_")
            and not _nested(tree, node)
            and ast.get_docstring(node) is None
        ]
        self.assertEqual(wrong, [])

    def test_rooms_stay_small(self) -> None:
        """Modules and functions stay readable in one go."""
        wrong = []
        for path, tree in _modules().items():
            if "settings/table" not in path and (count := _code_lines(path, tree)) > MOST_LINES:
                wrong.append(f"{path}: {count} lines of code")
            for node in ast.walk(tree):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    count = _code_lines(path, tree, node.lineno, node.end_lineno)
                    if count > MOST_FUNCTION_LINES:
                        wrong.append(f"{path}:{node.lineno} {node.name}: {count} lines")
        self.assertEqual(wrong, [])

    def test_no_drawer_for_odds_and_ends(self) -> None:
        """No module has a name that says nothing about its job."""
        wrong = [path for path in _modules() if set(path.removesuffix(".py").split("/")) & FORBIDDEN_NAMES]
        self.assertEqual(wrong, [])

    def test_the_plugin_imports_nothing_of_ours(self) -> None:
        """`twistd --help` must stay fast and cannot be broken by our imports; Twisted's packages stay Twisted's."""
        plugin = PACKAGE.parent / "twisted" / "plugins" / "o2sidecar_plugin.py"
        names = [name for _, name in _imports(ast.parse(plugin.read_text("utf-8")))]
        self.assertEqual([name for name in names if name.startswith("o2sidecar")], [])
        self.assertFalse((PACKAGE.parent / "twisted" / "__init__.py").exists())
        self.assertFalse((PACKAGE.parent / "twisted" / "plugins" / "__init__.py").exists())


def _nested(tree: ast.Module, node: ast.AST) -> bool:
    """Whether a definition stands inside a function or a private class, where only that one's reader meets it."""
    return any(
        node is inner and outer is not node
        for outer in ast.walk(tree)
        if isinstance(outer, (ast.FunctionDef, ast.AsyncFunctionDef))
        or (isinstance(outer, ast.ClassDef) and outer.name.startswith("_"))
        for inner in ast.walk(outer)
    )
