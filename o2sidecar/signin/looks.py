"""How our pages look: renders their templates in one style, which is all that their policy allows."""

from __future__ import annotations

from base64 import b64encode
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from attrs import define

from o2sidecar.signin.brand import Brand
from o2sidecar.signin.languages import Language
from o2sidecar.signin.logo import Logo
from o2sidecar.signin.page import Page

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


@define(kw_only=True, slots=False)
class Looks:
    """Renders the templates of this package.

    `footer`: HTML; empty for none. `no_store`: whether caches are told to keep no page.
    """

    brand: Brand
    logo: Logo
    footer: str
    no_store: bool = True

    def page(self, status: int, template: str, language: Language, *, script: str = "", **values: object) -> Page:
        """A page; values are text and are escaped unless they are markup.

        `script`: the file of the one that it may run.
        """
        code = self._source(script) if script else ""
        html = self._environment.get_template(template).render(
            status=status,
            brand=self.brand,
            logo=self.logo,
            footer=markup(self.footer),
            style=markup(self._style),
            script=markup(code),
            language=language.tag,
            say=language.say,
            compose=lambda sentence, **parts: markup_of(language.template(sentence), **parts),
            **values,
        )
        policy = self._policy + (b"; script-src '%s'" % _hash_of(code) if code else b"")
        return Page.of(status, html, policy, no_store=self.no_store)

    @cached_property
    def _environment(self) -> Environment:
        from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415 - 2 MiB, only for pages

        return Environment(
            loader=PackageLoader("o2sidecar.signin"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )

    @cached_property
    def _style(self) -> str:
        return self._source("style.css") + self.brand.style

    def _source(self, name: str) -> str:
        loader = self._environment.loader
        assert loader is not None
        return loader.get_source(self._environment, name)[0]

    @cached_property
    def _policy(self) -> bytes:
        """Nothing but the style that is in the page, by its hash.

        Forms may lead anywhere by https or http: browsers apply form-action to the redirects that follow as well, and
        signing in leads over hosts that only the provider knows.
        """
        digest = _hash_of(self._style).decode("ascii")
        images = " ".join(["data:", *self.logo.origins])
        return (
            f"default-src 'none'; style-src '{digest}'; img-src {images}; form-action 'self' https: http:; "
            "frame-ancestors 'none'; base-uri 'none'"
        ).encode("ascii")


def _hash_of(text: str) -> bytes:
    """A source that allows just this text (CSP Level 3 §2.3.1, hash-source)."""
    return b"sha256-" + b64encode(sha256(text.encode()).digest())


def markup(html: str) -> Any:
    """HTML that is to be shown as such."""
    from markupsafe import Markup  # noqa: PLC0415 - with Jinja2, at the first page

    return Markup(html)  # noqa: S704 - the operator's own HTML, and ours


def markup_of(template: str, **parts: str | Markup) -> Any:
    """A sentence of ours with its places filled; texts are escaped, and the sentence itself is."""
    from markupsafe import escape  # noqa: PLC0415 - with Jinja2, at the first page

    return escape(template).format(**parts)
