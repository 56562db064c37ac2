"""Pages in Jinja2: escaped by themselves, shut in a sandbox, checked in every branch, tried, and rendered."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define
from jinja2 import FunctionLoader, StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import Markup

from o2sidecar.signin.page_values import HTML_VALUES, PAGES, python_name
from o2sidecar.signin.template_files import TemplateFile, TemplatesRefused

MOST_CHARACTERS = 4_000_000
MOST_REPETITIONS = 10_000


class _TooMuch(Exception):
    """A template writes or repeats more than a page can need."""


@define
class _Steps:
    """Counts what `range` gives out in one rendering."""

    left: int = MOST_REPETITIONS

    def range(self, *bounds: int) -> range:
        steps = range(*bounds)
        self.left -= len(steps)
        if self.left < 0:
            raise _TooMuch(f"more than {MOST_REPETITIONS} repetitions")
        return steps


@define
class JinjaTemplates:
    """The pages that are Jinja2 templates."""

    _environment: ImmutableSandboxedEnvironment
    _names: Mapping[str, str]
    _steps: _Steps

    @classmethod
    def load(cls, pages: Sequence[TemplateFile], parts: Sequence[TemplateFile]) -> JinjaTemplates:
        """`parts`: the files that pages may include or extend. Raises `TemplatesRefused` with every problem."""
        files = {file.path.name: file for file in (*pages, *parts)}
        steps = _Steps()
        loaded = cls(_environment(files, steps), {file.page: file.path.name for file in pages}, steps)
        problems: list[str] = []
        for file in pages:
            problems += _Reading(loaded._environment, files, file).problems() or loaded._tried(file, files)
        if problems:
            raise TemplatesRefused(problems)
        return loaded

    def render(self, page: str, values: Mapping[str, object]) -> str:
        """The page with its values, each under both of its names."""
        given = {name: _as_given(name, value) for name, value in values.items()}
        self._steps.left = MOST_REPETITIONS
        written, size = [], 0
        template = self._environment.get_template(self._names[page])
        for piece in template.generate(given | {python_name(name): value for name, value in given.items()}):
            written.append(piece)
            size += len(piece)
            if size > MOST_CHARACTERS:
                raise _TooMuch(f"more than {MOST_CHARACTERS} characters")
        return "".join(written)

    def _tried(self, file: TemplateFile, files: Mapping[str, TemplateFile]) -> list[str]:
        by_path = {str(one.path): one for one in files.values()}
        for values in PAGES[file.page].trials():
            try:
                self.render(file.page, values)
            except Exception as error:
                frames = traceback.extract_tb(error.__traceback__)
                where = next((frame for frame in reversed(frames) if frame.filename in by_path), None)
                blamed = by_path[where.filename] if where else file
                return [blamed.problem(where.lineno if where else None, str(error) or type(error).__name__)]
        return []


def _environment(files: Mapping[str, TemplateFile], steps: _Steps) -> ImmutableSandboxedEnvironment:
    def source(name: str) -> tuple[str, str, None] | None:
        return (files[name].source, str(files[name].path), None) if name in files else None

    environment = ImmutableSandboxedEnvironment(
        loader=FunctionLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals = {"range": steps.range, "namespace": Namespace}
    return environment


def _as_given(name: str, value: object) -> object:
    return Markup(value) if name in HTML_VALUES else value  # noqa: S704 - HTML of the operator's, or escaped by us


@define
class _Reading:
    """Reads a page, and the parts that it uses, for names that are not there."""

    _environment: ImmutableSandboxedEnvironment
    _files: Mapping[str, TemplateFile]
    _page: TemplateFile

    def problems(self) -> list[str]:
        """What is wrong; empty if nothing is."""
        found: list[str] = []
        trees: dict[str, nodes.Template] = {}
        waiting = [self._page.path.name]
        while waiting:
            name = waiting.pop()
            if name in trees:
                continue
            file = self._files[name]
            try:
                trees[name] = self._environment.parse(file.source, name, str(file.path))
            except TemplateSyntaxError as error:
                found.append(file.problem(error.lineno, str(error.message)))
                continue
            for used in trees[name].find_all((nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)):
                known, unknown = self._used(used)
                waiting += known
                found += [file.problem(used.lineno, reason) for reason in unknown]
        for name, tree in trees.items():
            elsewhere = {stored for other in trees if other != name for stored in _stored(trees[other])}
            found += [self._files[name].problem(line, reason) for line, reason in self._wrong(tree, elsewhere)]
        return found

    def _used(self, node: Any) -> tuple[list[str], list[str]]:
        """The files that a node includes or extends, and what is wrong with it."""
        if not isinstance(node.template, nodes.Const) or not isinstance(node.template.value, str):
            return [], ["what is included or extended has to be named by a plain text"]
        name = node.template.value
        if name in self._files:
            return [name], []
        if isinstance(node, nodes.Include) and node.ignore_missing:
            return [], []
        return [], [f"there is no {name} in the folder (its name has to end in .j2, .jinja or .jinja2)"]

    def _wrong(self, tree: nodes.Template, elsewhere: set[str]) -> Iterator[tuple[int, str]]:
        samples = PAGES[self._page.page].samples
        values = {**samples, **{python_name(name): value for name, value in samples.items()}}
        known = {*values, *self._environment.globals, *elsewhere}
        own = _stored(tree)
        try:
            unknown = meta.find_undeclared_variables(tree) - known
        except TemplateSyntaxError as error:  # what only compiling finds, such as a filter that is not there
            yield error.lineno, str(error.message)
            unknown = set()
        for node in tree.find_all((nodes.Name, nodes.Filter, nodes.Test, nodes.Getattr, nodes.Getitem)):
            reason = ""
            if isinstance(node, nodes.Name):
                if node.name in unknown and node.ctx == "load":
                    names = ", ".join(sorted(python_name(name) for name in samples))
                    reason = f"unknown variable {node.name}; this page has {names}"
            elif isinstance(node, nodes.Filter) and node.name not in self._environment.filters:
                reason = f"unknown filter {node.name}"
            elif isinstance(node, nodes.Test) and node.name not in self._environment.tests:
                reason = f"unknown test {node.name}"
            elif isinstance(node, (nodes.Getattr, nodes.Getitem)):
                reason = _wrong_attribute(node, {name: values[name] for name in values.keys() - own})
            if reason:
                yield node.lineno, reason


def _wrong_attribute(node: nodes.Getattr | nodes.Getitem, values: Mapping[str, object]) -> str:
    name: object = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
    if isinstance(name, str) and name.startswith("_"):
        return f"the attribute {name} is out of reach of templates"
    if isinstance(node.node, nodes.Name) and isinstance(name, str):
        of = node.node.name
        if of in values and not hasattr(values[of], name):
            return f"unknown attribute {name} of {of}"
    return ""


def _stored(tree: nodes.Template) -> set[str]:
    """The names that a file gives something to."""
    return {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
