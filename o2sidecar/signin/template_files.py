"""Finds the operator's templates in a folder, and tells by clear rules which language each is written in."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path

from attrs import Factory, define, frozen

from o2sidecar.signin.page_values import PAGES

MOST_BYTES = 1024 * 1024
"""Of a template file; a page with its style and pictures inside has a tenth of that."""

_ENDINGS = (".j2", ".jinja", ".jinja2")
_GO_MARK = re.compile(r"\s*\{\{(?:- )?/\* *go *\*/(?: -)?\}\}", re.IGNORECASE)
_JINJA_MARK = re.compile(r"\s*\{#-? *jinja2? *-?#\}", re.IGNORECASE)
_JINJA_ONLY = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_ALMOST = re.compile(rf"(?:{'|'.join(page.removesuffix('.html') for page in PAGES)})\b.*")


class Language(Enum):
    """What a template is written in."""

    GO = "Go's html/template"
    JINJA = "Jinja2"


class TemplatesRefused(ValueError):
    """Templates cannot be used; each of `problems` names the file, the place and the reason."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("; ".join(self.problems))


@frozen(kw_only=True)
class TemplateFile:
    """A file that was read. `page`: which page it is, by oauth2-proxy's name; empty for a part of another."""

    path: Path
    source: str
    language: Language
    page: str = ""

    def problem(self, line: int | None, reason: str) -> str:
        """A problem of the file, as a sentence for the operator."""
        return f"the template {self.path}{f', line {line}' if line else ''}: {reason}"


@define
class Found:
    """The templates of a folder, and what is wrong with those that could not be read."""

    files: list[TemplateFile] = Factory(list)
    problems: list[str] = Factory(list)

    def pages(self, language: Language) -> list[TemplateFile]:
        """The pages in a language, in the order of oauth2-proxy."""
        return [file for file in self.files if file.page and file.language is language]

    def parts(self) -> list[TemplateFile]:
        """What Jinja2 pages may include or extend."""
        return [file for file in self.files if not file.page]


def find(folder: Path) -> Found:
    """The templates of a folder that may be missing, as oauth2-proxy has it: its pages are ours then."""
    found = Found()
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return found
    except OSError as error:
        found.problems.append(f"the folder {folder} cannot be read: {error.strerror}")
        return found
    for page in PAGES:
        _find_page(found, folder, page, [name for name in (page, *(page + end for end in _ENDINGS)) if name in names])
    pages = {page + end for page in PAGES for end in _ENDINGS}
    for name in names:
        if name.endswith(_ENDINGS) and name not in pages:
            _find_part(found, folder / name)
    return found


def _find_page(found: Found, folder: Path, page: str, names: Sequence[str]) -> None:
    if len(names) > 1:
        found.problems.append(f"the folder {folder} has {' and '.join(names)} for the same page: keep one of them")
    for name in names:
        try:
            source = _read(folder / name)
            language = _language(folder / name, source, by_name=name != page)
        except TemplatesRefused as refused:
            found.problems += refused.problems
        else:
            found.files.append(TemplateFile(path=folder / name, source=source, language=language, page=page))


def _find_part(found: Found, path: Path) -> None:
    if _ALMOST.fullmatch(path.name) and path.name.count(".") == 1:
        page = next(page for page in PAGES if path.name.startswith(page.removesuffix(".html")))
        found.problems.append(f"the template {path} is called neither {page} nor {page}.j2: call it {page}.j2")
        return
    try:
        found.files.append(TemplateFile(path=path, source=_read(path), language=Language.JINJA))
    except TemplatesRefused as refused:
        found.problems += refused.problems


def _language(path: Path, source: str, *, by_name: bool) -> Language:
    """Jinja2 by the name's ending or the mark in the first line; else Go, unless there is Jinja2 in it.

    Raises `TemplatesRefused` where the rules contradict each other.
    """
    go, jinja = _GO_MARK.match(source), _JINJA_MARK.match(source)
    if by_name:
        if go:
            raise TemplatesRefused(
                [f"the template {path} is marked as Go's, but has a name of Jinja2's: change either"]
            )
        return Language.JINJA
    if jinja:
        return Language.JINJA
    if not go and (block := _JINJA_ONLY.search(source)):
        line = source.count("\n", 0, block.start()) + 1
        raise TemplatesRefused(
            [
                f"the template {path}, line {line}, may be Go's or Jinja2: call it {path.name}.j2 if it is Jinja2, "
                "or begin it with {{/* go */}} if it is Go's"
            ]
        )
    return Language.GO


def _read(path: Path) -> str:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise TemplatesRefused([f"the template {path} is no file"])
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise TemplatesRefused([f"the template {path} cannot be read: {error.strerror}"]) from None
    if len(content) > MOST_BYTES:
        raise TemplatesRefused([f"the template {path} has more than {MOST_BYTES // 1024} KiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TemplatesRefused([f"the template {path}, line {line}, is no text in UTF-8"]) from None
