"""The operator's own sign_in.html and error.html, written for oauth2-proxy in Go's html/template."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import define, field
from twisted.logger import Logger

if TYPE_CHECKING:
    from gotpl import HTMLTemplate


class TemplateRefused(ValueError):
    """A template cannot be used; the text names the file, the place and the reason."""


_SIGN_IN = {
    "ProviderName": "OpenID Connect",
    "SignInMessage": "",
    "StatusCode": 403,
    "CustomLogin": False,
    "Redirect": "/page?x=1&y=2",
    "Version": "0",
    "ProxyPrefix": "/oauth2",
    "Footer": "",
    "LogoData": "",
}
_ERROR = {
    "Title": "Forbidden",
    "Message": "You may not pass.",
    "ProxyPrefix": "/oauth2",
    "StatusCode": 403,
    "Redirect": "/page?x=1&y=2",
    "RequestID": "11111111-2222-3333-4444-555555555555",
    "Footer": "",
    "Version": "0",
}
_SAMPLES: dict[str, dict[str, object]] = {"sign_in.html": _SIGN_IN, "error.html": _ERROR}
_HTML_VALUES = ("SignInMessage", "Footer", "LogoData")
"""What a template gets as HTML: the operator's own, or made and escaped here."""

_VARIATIONS: dict[str, dict[str, tuple[object, ...]]] = {
    "sign_in.html": {
        "StatusCode": (200, 403),
        "CustomLogin": (False, True),
        "SignInMessage": ("", "<b>Hello</b>"),
        "LogoData": ("", '<img src="data:," alt="Logo">'),
    },
    # An app that is down gets no Redirect.
    "error.html": {"StatusCode": (400, 403, 500, 502), "Redirect": ("", "/page?x=1&y=2")},
}
"""What templates branch on: every branch is tried at the start, so that none breaks before a person's eyes."""


@define
class GoTemplates:
    """The templates of a folder; a file that is not there is one of ours."""

    _templates: Mapping[str, HTMLTemplate]
    _names: Mapping[str, str]
    _log: Logger = field(factory=Logger, init=False)

    @classmethod
    def load(cls, folder: Path) -> GoTemplates:
        """Read, parse and try the templates of a folder that may be missing.

        Raises `TemplateRefused`.
        """
        sources: dict[str, str] = {}
        for name in _SAMPLES:
            path = folder / name
            if path.is_file():
                sources[name] = _read(path)
        if not sources:
            return cls({}, {})
        _check_each(folder, sources)
        template = _compiled({f"{name} as a file": source for name, source in sources.items()})
        names = {name: _entry(name, source) for name, source in sources.items()}
        loaded = cls(dict.fromkeys(sources, template), names)
        for name in sources:
            loaded._try(folder / name, name)
        return loaded

    def sign_in(self, **values: object) -> str | None:
        """The sign-in page; `None` if the folder has none."""
        return self._shown("sign_in.html", values)

    def error(self, **values: object) -> str | None:
        """The error page; `None` if the folder has none."""
        return self._shown("error.html", values)

    def _shown(self, name: str, values: Mapping[str, object]) -> str | None:
        if name not in self._templates:
            return None
        try:
            return self._render(name, values)
        except Exception:
            # It was tried with other values at the start; a person still gets a page: ours.
            self._log.failure("the template {name} failed; the built-in page is shown", name=name)
            return None

    def _render(self, name: str, values: Mapping[str, object]) -> str:
        from gotpl import HTML  # noqa: PLC0415 - an extra, and only for those who have such templates

        data = {key: HTML(value) if key in _HTML_VALUES else value for key, value in values.items()}
        rendered: str = self._templates[name].render_template(self._names[name], data)
        return rendered

    def _try(self, path: Path, name: str) -> None:
        from gotpl import TemplateError  # noqa: PLC0415

        varied = {"Footer": ("", "<b>Footer</b>"), **_VARIATIONS[name]}
        for values in product(*varied.values()):
            try:
                self._render(name, {**_SAMPLES[name], **dict(zip(varied, values, strict=True))})
            except TemplateError as error:
                raise _refused(path, error) from None


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateRefused(f"the template {path} cannot be read: {error}") from None


def _compiled(sources: Mapping[str, str]) -> HTMLTemplate:
    from gotpl import HTMLTemplate  # noqa: PLC0415

    # missing_key: a field that the data has not is an error, as it is for oauth2-proxy's structs.
    functions = {"ToUpper": str.upper, "ToLower": str.lower}
    return HTMLTemplate.from_sources(sources, functions=functions, missing_key="error")


def _check_each(folder: Path, sources: Mapping[str, str]) -> None:
    """Parse the files one by one: parsed together, an error would not say whose it is."""
    try:
        from gotpl import TemplateError  # noqa: PLC0415
    except ImportError:
        raise TemplateRefused(
            f"the templates in {folder} are written in Go's html/template: install o2sidecar[templates] to use them"
        ) from None
    for name, source in sources.items():
        try:
            _compiled({name: source})
        except TemplateError as error:
            raise _refused(folder / name, error) from None


def _entry(name: str, source: str) -> str:
    """The name under which to render a file: its own, if it defines that (`ParseFiles` of Go has both alike)."""
    defined = re.search(r"\{\{-?\s*(?:define|block)\s+[\"`]" + re.escape(name) + r"[\"`]", source)
    return name if defined else f"{name} as a file"


def _refused(path: Path, error: Any) -> TemplateRefused:
    reason = getattr(error, "message", None) or re.sub(r"^template:\d+:\d+: ", "", str(error))
    return TemplateRefused(f"the template {path}, line {error.line}, column {error.column}: {reason}")
