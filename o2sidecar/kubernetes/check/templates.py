"""Rules about pages of one's own, in ConfigMaps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from o2sidecar.kubernetes.check.rule import Remark, error, warning
from o2sidecar.kubernetes.check.scene import Scene
from o2sidecar.kubernetes.check.thing import Thing

_REMOTE = re.compile(
    r"<(?:script|iframe)\b[^>]*\bsrc\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b[^>]*\bhref\s*=\s*[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|@import\s+(?:url\()?[\"']?((?:https?:)?//[^\"'\s)]+)",
    re.IGNORECASE,
)
_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_TEXTS = re.compile(r"\"(?:\\.|[^\"\\])*\"|`[^`]*`|/\*.*?\*/", re.DOTALL)
_CALL = re.compile(r"(?:^|[|(=]|\b(?:if|with|range|and|or|not|else)\s)\s*([A-Za-z_]\w*)")
_FUNCTIONS = frozenset(
    [
        "if",
        "else",
        "end",
        "range",
        "with",
        "define",
        "template",
        "block",
        "break",
        "continue",
        "nil",
        "true",
        "false",
        "and",
        "or",
        "not",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "len",
        "index",
        "slice",
        "print",
        "printf",
        "println",
        "html",
        "js",
        "urlquery",
        "call",
        "ToUpper",
        "ToLower",
    ]
)


def _pages(scene: Scene) -> Iterator[tuple[Thing, str, str]]:
    for thing in scene.of("ConfigMap"):
        for key, held in thing.contents().items():
            if key.endswith((".html", ".tmpl")):
                yield thing, key, held.decode("utf-8", "replace")


def _remote(scene: Scene) -> Iterator[Remark]:
    for thing, key, page in _pages(scene):
        for found in _REMOTE.finditer(page):
            address = next(filter(None, found.groups()))
            sentence = f"{key} loads {address} from a stranger's server"
            yield Remark(sentence=sentence, thing=thing, path=thing.path_of_key(key))


def _functions(scene: Scene) -> Iterator[Remark]:
    for thing, key, page in _pages(scene):
        if key not in ("sign_in.html", "error.html") or "{%" in page or page.startswith("{#"):
            continue
        called = {
            name
            for action in _ACTION.findall(page)
            for name in _CALL.findall(_TEXTS.sub("", action))
            if name not in _FUNCTIONS
        }
        for name in sorted(called):
            sentence = f"{key} calls {name}, which is no function of these templates: the proxy does not start"
            yield Remark(sentence=sentence, thing=thing, path=thing.path_of_key(key))


RULES = (
    warning(
        "O2S095",
        "A page loads code from elsewhere",
        "Whoever has that server can read what people type on the sign-in page; without a network the page is broken,"
        " and a strict Content-Security-Policy forbids it.",
        "Write the styles and scripts into the page.",
        _remote,
    ),
    error(
        "O2S096",
        "A page calls a function that does not exist",
        "Templates have Go's own functions, ToUpper and ToLower. Any other keeps the proxy from starting.",
        "Take the call out.",
        _functions,
    ),
)
