"""The operator's own sign_in.html and error.html, in the language that each is written in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from attrs import define, field
from twisted.logger import Logger

from o2sidecar.signin.page_values import ERROR, SIGN_IN
from o2sidecar.signin.template_files import Found, Language, TemplatesRefused, find


class _Renders(Protocol):
    def render(self, page: str, values: Mapping[str, object]) -> str: ...


@define
class CustomTemplates:
    """The templates of a folder; a page that has none is ours."""

    _pages: Mapping[str, _Renders]
    _log: Logger = field(factory=Logger, init=False)

    @classmethod
    def load(cls, folder: Path) -> CustomTemplates:
        """Read, check and try the templates of a folder that may be missing.

        Raises `TemplatesRefused` with every problem of every file.
        """
        found = find(folder)
        problems = list(found.problems)
        pages: dict[str, _Renders] = {}
        for language, load in ((Language.GO, _load_go), (Language.JINJA, _load_jinja)):
            files = found.pages(language)
            try:
                pages |= dict.fromkeys((file.page for file in files), load(found)) if files else {}
            except TemplatesRefused as refused:
                problems += refused.problems
        if problems:
            raise TemplatesRefused(problems)
        return cls(pages)

    def sign_in(self, **values: object) -> str | None:
        """The sign-in page, its values by oauth2-proxy's names; `None` if the folder has none."""
        return self._shown(SIGN_IN.file, values)

    def error(self, **values: object) -> str | None:
        """The error page; `None` if the folder has none."""
        return self._shown(ERROR.file, values)

    def _shown(self, page: str, values: Mapping[str, object]) -> str | None:
        if page not in self._pages:
            return None
        try:
            return self._pages[page].render(page, values)
        except Exception:
            # It was tried with other values at the start; a person still gets a page: ours.
            self._log.failure("the template of {page} failed; the built-in page is shown", page=page)
            return None


def _load_go(found: Found) -> _Renders:
    files = found.pages(Language.GO)
    try:
        # gotpl is an extra, and costs 2.6 MB: only who has such templates pays for it.
        from o2sidecar.signin.go_templates import GoTemplates  # noqa: PLC0415
    except ImportError:
        raise TemplatesRefused(
            file.problem(None, f"it is written in {Language.GO.value}: install o2sidecar[templates] to use it")
            for file in files
        ) from None
    return GoTemplates.load(files)


def _load_jinja(found: Found) -> _Renders:
    from o2sidecar.signin.jinja_templates import JinjaTemplates  # noqa: PLC0415 - 2 MB, with the first page otherwise

    return JinjaTemplates.load(found.pages(Language.JINJA), found.parts())
