"""Layouts of log lines as operators write them: Go templates of plain variables, `{{.Client}} {{.StatusCode}}`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from attrs import frozen

STANDARD = "[{{.Timestamp}}] [{{.File}}] {{.Message}}"
"""The layout of what the program says of itself."""

AUTH = "{{.Client}} - {{.RequestID}} - {{.Username}} [{{.Timestamp}}] [{{.Status}}] {{.Message}}"
"""The layout of attempts to sign in."""

REQUEST = (
    "{{.Client}} - {{.RequestID}} - {{.Username}} [{{.Timestamp}}] {{.Host}} {{.RequestMethod}} {{.Upstream}}"
    " {{.RequestURI}} {{.Protocol}} {{.UserAgent}} {{.StatusCode}} {{.ResponseSize}} {{.RequestDuration}}"
)
"""The layout of requests, as oauth2-proxy has it."""

REQUEST_WITH_REASON = REQUEST + " {{.Reason}}"
"""The same with the reason of a refusal."""

_ABOUT_REQUESTS = (
    "Client",
    "Host",
    "Protocol",
    "RequestID",
    "RequestMethod",
    "Timestamp",
    "UserAgent",
    "Username",
)
VARIABLES: Mapping[str, frozenset[str]] = {
    "standard_logging_format": frozenset({"Timestamp", "File", "Message"}),
    "auth_logging_format": frozenset({*_ABOUT_REQUESTS, "Status", "Message"}),
    "request_logging_format": frozenset(
        {
            *_ABOUT_REQUESTS,
            *("RequestDuration", "RequestURI", "ResponseSize", "StatusCode", "Upstream"),
            "Reason",
        }
    ),
}
"""The variables of each layout, by the key of its option."""

# A dash trims the blanks outside of the braces.
_VARIABLE = re.compile(r"(?:\s*\{\{-\s+|\{\{\s*)(?P<what>.*?)(?:\s+-\}\}\s*|\s*\}\})", re.DOTALL)
_FIELD = re.compile(r"\.(?P<name>[A-Za-z]+)")


@frozen
class Layout:
    """A layout, taken apart.

    Attributes:
        form: the text between the variables, with `%s` in their places.
        names: the variables in the order of their places.
    """

    form: str
    names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> Layout:
        """From a template; raises `ValueError` with a sentence for what is no variable, or is none of `known`.

        More of Go's template language than variables is not understood here; a line has nothing to loop over.
        """
        if "\n" in text or "\r" in text:
            raise ValueError("a layout is one line")
        form, names, position = "", [], 0
        for found in _VARIABLE.finditer(text):
            field = _FIELD.fullmatch(found["what"])
            if field is None:
                raise ValueError(f"{found[0]} is more than a variable; write {{{{.Name}}}}")
            if field["name"] not in known:
                raise ValueError(f"there is no variable {found[0]}; there are {', '.join(sorted(known))}")
            form += _literal(text[position : found.start()]) + "%s"
            names.append(field["name"])
            position = found.end()
        return cls(form + _literal(text[position:]), tuple(names))

    def line(self, values: Mapping[str, object]) -> str:
        """The line, of a value for each variable."""
        return self.form % tuple([values[name] for name in self.names])


def _literal(text: str) -> str:
    if "{{" in text or "}}" in text:
        raise ValueError("a variable lacks its braces: {{.Name}}")
    return text.replace("%", "%%")
