"""A row of the table of options: what to set, what to look at, and what is seen without and with the option."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from o2sidecar.providers.registry import KnownProviders
from o2sidecar.settings.load import SettingsRefused, load
from o2sidecar.settings.table import BY_KEY
from tests.fakes import CLIENT_ID, CLIENT_SECRET
from tests.options.world import ADDRESS, World

Probe = Callable[[World], object]
"""Does something to a sidecar, and gives what is to be seen then."""

REFUSED = "refused"
"""What is seen of a sidecar that does not start."""

BASE: Mapping[str, str] = {
    "provider": "oidc",
    "oidc_issuer_url": ADDRESS,
    "client_id": CLIENT_ID,
    "client_secret": CLIENT_SECRET,
    "cookie_secret": "0123456789abcdef",
    "email_domains": "example.com",
    "upstreams": "http://127.0.0.1:8080/",
    "skip_auth_routes": "^/open/",
}
"""What every sidecar is set up with, by key; an empty text unsets an option."""


@frozen(kw_only=True)
class Row:
    """One option. `around`: the other options that its effect needs. `{folder}` in a value: where the files are."""

    probe: Probe
    value: str
    without: object
    seen: object
    around: Mapping[str, str]

    def observations(self, key: str, folder: Path) -> tuple[object, object]:
        """What is seen without the option and with it."""
        around = {**BASE, **self.around}
        return self._observe(around, folder), self._observe({**around, key: self.value}, folder)

    def _observe(self, options: Mapping[str, str], folder: Path) -> object:
        variables = {BY_KEY[key].variable: value.replace("{folder}", str(folder)) for key, value in options.items()}
        try:
            world = World(load([], variables, providers=KnownProviders()))
        except SettingsRefused:
            return REFUSED
        try:
            return self.probe(world)
        finally:
            world.end()


def row(probe: Probe, value: str, without: Any, seen: Any, **around: str) -> Row:
    """A row, in one line."""
    return Row(probe=probe, value=value, without=without, seen=seen, around=around)
