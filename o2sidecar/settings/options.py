"""Settings: a value for every option, all of which may be used together."""

from __future__ import annotations

from attrs import frozen

from o2sidecar.settings.checks import problems_of
from o2sidecar.settings.problems import SettingsRefused
from o2sidecar.settings.table import Options


@frozen(kw_only=True, slots=False, eq=False)
class Settings(Options):
    """The settings of a sidecar; making one raises `SettingsRefused` with everything that is wrong.

    The attributes are the keys of the table (`o2sidecar.settings.table`), durations in seconds, sizes in bytes.
    """

    def __attrs_post_init__(self) -> None:
        problems = tuple(problems_of(self))
        if problems:
            raise SettingsRefused(problems)
