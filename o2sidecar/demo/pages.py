"""The demo's pages: one look, no script, nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


class Pages:
    """Renders the templates of this room; every value is escaped."""

    def __init__(self) -> None:
        self._templates = Environment(
            loader=PackageLoader("o2sidecar.demo"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        source, _, _ = self._templates.loader.get_source(self._templates, "style.css")  # type: ignore[union-attr]
        self._style = Markup(source)  # noqa: S704 (a file of ours)
        self._style_hash = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()

    def page(self, template: str, **values: Any) -> bytes:
        """A page as UTF-8 HTML."""
        return self._templates.get_template(f"{template}.html").render(style=self._style, **values).encode()

    def fields(self, form_targets: Iterable[str] = ()) -> list[tuple[bytes, bytes]]:
        """The header fields of a page. `form_targets`: origins that a form's answer may redirect to.

        Browsers hold `form-action` against the redirects behind a form too (CSP Level 3 §6.4.2).
        """
        actions = " ".join(["'self'", *form_targets])
        policy = (
            f"default-src 'none'; style-src 'sha256-{self._style_hash}'; img-src data:; form-action {actions}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        return [
            (b"Content-Type", b"text/html; charset=utf-8"),
            (b"Content-Security-Policy", policy.encode()),
            (b"Cache-Control", b"no-store"),
            (b"Referrer-Policy", b"no-referrer"),
            (b"X-Content-Type-Options", b"nosniff"),
        ]
