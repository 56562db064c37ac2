"""Assembles how other settings take effect while the process runs: a whole new tree takes the place of the old one.

The old one is left to the requests that it was given. What has to outlive it is in `Lasting`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from attrs import define

from o2sidecar.assembly.guarded import Guarded
from o2sidecar.configuration_files import ConfigurationFiles
from o2sidecar.service import Background
from o2sidecar.settings.changes import Changes, changes_of
from o2sidecar.settings.loaded import Loaded
from o2sidecar.settings.options import Settings

SwapJobs = Callable[[Sequence[Background], Sequence[Background]], None]
"""Ends jobs in the background, and begins others."""


@define(kw_only=True)
class InForce:
    """The settings in force, and the tree that was made of them.

    `make`: makes a tree of other settings and changes nothing; raises `SettingsRefused`. `serve`: has the listener give
    the next request to a tree.
    """

    loaded: Loaded
    guarded: Guarded
    make: Callable[[Loaded], Guarded]
    serve: Callable[[Settings, Guarded], None]

    def is_proxy(self, address: str) -> bool:
        """Whether a proxy is at an address whose word about clients counts now."""
        return self.guarded.edge.forwarding.is_proxy(address)

    def trouble(self) -> str:
        """Why nobody can sign in just now; empty if people can."""
        return self.guarded.trouble()

    def turn_to(self, newer: Loaded, swap_jobs: SwapJobs) -> Changes:
        """Put other settings in force, between two requests; raises `SettingsRefused` and then changes nothing."""
        changes = changes_of(self.loaded, newer)
        if changes.applied:
            before, after = self.guarded, self.make(changes.loaded)
            after.take_over()
            before.guard.make_way(after.guard)
            self.serve(changes.loaded.settings, after)
            self.guarded = after
            swap_jobs(_without(before, after), _without(after, before))
        self.loaded = changes.loaded
        return changes


def _without(one: Guarded, other: Guarded) -> list[Background]:
    return [each for each in one.background if each not in other.background]


def configuration_files(
    in_force: InForce, load: Callable[[], Loaded] | None, swap_jobs: SwapJobs, reactor: Any
) -> ConfigurationFiles | None:
    """What reads the configuration again, where that is wanted; `load` does it, if anything can."""
    if load is None or not in_force.loaded.settings.config_reload:
        return None
    return ConfigurationFiles(
        in_force.loaded.files, load=load, take=lambda newer: in_force.turn_to(newer, swap_jobs), clock=reactor
    )
