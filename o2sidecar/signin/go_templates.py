"""Pages written for oauth2-proxy in Go's html/template: parsed, checked in every branch, tried, and rendered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define
from gotpl import HTML, ExecutionBudget, HTMLTemplate, SandboxPolicy, TemplateError, TemplateSyntaxError
from gotpl.parse.nodes import ParsedTemplate
from gotpl.parse.parser import parse_template

from o2sidecar.signin.go_contexts import line_of, mend
from o2sidecar.signin.go_names import Definition, Names
from o2sidecar.signin.page_values import HTML_VALUES, PAGES, python_name
from o2sidecar.signin.template_files import TemplateFile, TemplatesRefused

_FUNCTIONS = {"ToUpper": str.upper, "ToLower": str.lower}
_BUDGET = ExecutionBudget(
    max_output_chars=4_000_000, max_iterations=10_000, max_template_depth=100, max_function_calls=100_000
)
_UNKNOWN_FUNCTION = re.compile(r"function '(\w+)' not defined")
_PYTHON_NAMES = frozenset(python_name(name) for page in PAGES.values() for name in page.samples)

mend()


@define
class GoTemplates:
    """The pages that are Go templates. As in Go, the files are one set: what one defines the others can use."""

    _set: HTMLTemplate
    _entries: Mapping[str, str]

    @classmethod
    def load(cls, files: Sequence[TemplateFile]) -> GoTemplates:
        """Raises `TemplatesRefused` with every problem of every file."""
        problems: list[str] = []
        trees = {file.page: tree for file in files if (tree := _parsed(file, problems))}
        whole = [file for file in files if file.page in trees]
        entries = {file.page: _entry(file.page, trees[file.page]) for file in whole}
        _check_names(whole, trees, entries, problems, missing=len(whole) < len(files))
        if not problems:
            problems += [problem for file in files for problem in _contexts([file])]
        if not problems:
            problems += _contexts(files)
        if problems:
            raise TemplatesRefused(problems)
        loaded = cls(_compiled(files), entries)
        problems += [problem for file in files for problem in loaded._tried(file)]
        if problems:
            raise TemplatesRefused(problems)
        return loaded

    def render(self, page: str, values: Mapping[str, object]) -> str:
        """The page with its values."""
        data = {name: HTML(value) if name in HTML_VALUES else value for name, value in values.items()}
        rendered: str = self._set.render_template(self._entries[page], data)
        return rendered

    def _tried(self, file: TemplateFile) -> list[str]:
        for values in PAGES[file.page].trials():
            try:
                self.render(file.page, values)
            except TemplateError as error:
                return [_sentence(file, error)]
        return []


def _parsed(file: TemplateFile, problems: list[str]) -> ParsedTemplate | None:
    """The file as a tree; None if its syntax is wrong. Functions that are not there do not hide what else is wrong."""
    unknown: set[str] = set()
    while True:
        try:
            return parse_template(file.source, name=_as_file(file.page), functions={*_FUNCTIONS, *unknown})
        except TemplateSyntaxError as error:
            problems.append(_sentence(file, error))
            missing = _UNKNOWN_FUNCTION.search(str(error))
            if not missing:
                return None
            if missing[1] in _PYTHON_NAMES:
                problems[-1] += f"; a template in Jinja2 has to be called {file.page}.j2"
            unknown.add(missing[1])


def _check_names(
    files: Sequence[TemplateFile],
    trees: Mapping[str, ParsedTemplate],
    entries: Mapping[str, str],
    problems: list[str],
    *,
    missing: bool,
) -> None:
    definitions: dict[str, Definition] = {}
    for file in files:
        tree = trees[file.page]
        definitions[tree.name] = Definition(file=file, body=tree.root)
        for item in tree.definitions:
            if item.body.nodes or item.name not in definitions:
                definitions[item.name] = Definition(file=file, body=item.body)
    for file in files:
        names = Names(frozenset(PAGES[file.page].samples), definitions)
        names.check(entries[file.page])
        # A template that seems to be nowhere may be in the file that could not be parsed.
        problems += [one for one in names.problems if not missing or "there is no template" not in one]


def _contexts(files: Sequence[TemplateFile]) -> list[str]:
    """What is wrong with the HTML round the actions of these files."""
    try:
        _compiled(files)
    except TemplateError as error:
        within = getattr(error, "within", "")
        file = next((file for file in files if within in file.source), files[0])
        return [_sentence(file, error)]
    return []


def _compiled(files: Sequence[TemplateFile]) -> HTMLTemplate:
    return HTMLTemplate.from_sources(
        {_as_file(file.page): file.source for file in files},
        functions=_FUNCTIONS,
        missing_key="error",  # a field that the data has not is an error, as it is for oauth2-proxy's structs
        sandbox=SandboxPolicy.strict(allow_functions=_FUNCTIONS, default_budget=_BUDGET),
        budget=_BUDGET,
    )


def _as_file(page: str) -> str:
    return f"{page} as a file"


def _entry(page: str, tree: ParsedTemplate) -> str:
    """The name under which to render a file: its own, if it defines that (`ParseFiles` of Go has both alike)."""
    return page if any(item.name == page for item in tree.definitions) else _as_file(page)


def _sentence(file: TemplateFile, error: Any) -> str:
    reason = getattr(error, "message", None) or re.sub(r"^template:\d+:\d+: ", "", str(error))
    return file.problem(line_of(error, file.source), reason)
