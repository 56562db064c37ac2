"""What loading the settings gives: valid ones, for each provider, and what there is to say about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from o2sidecar.settings.options import Settings
from o2sidecar.settings.structure import Structure


@frozen(kw_only=True)
class ProviderEntry:
    """One of those who sign people in.

    Attributes:
        settings: all of them, with its own in the place of any other's.
        own: values of its options that are not of the table, by key.
        email_domains: whose addresses sign in there and nowhere else, its settings' `email_domains`; empty: the same
            addresses sign in there as elsewhere.
        hosts: hosts of the app where it is asked before the others, or `.x` for those below x.
        paths: patterns of paths where it is.
    """

    settings: Settings
    own: Mapping[str, Any] = field(factory=dict, repr=False)
    email_domains: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@frozen(kw_only=True)
class Loaded:
    """Settings, and what there is to say about them.

    Attributes:
        settings: the valid settings; of several providers those of the first, which counts where nothing else decides.
        providers: who signs people in, the first of them first.
        structure: listeners, upstreams and header rules, from the flat options or the structured file.
        warnings: a sentence each, with the setting as the operator wrote it.
        sources: for every option that somebody set, its key and where, as the operator wrote it.
        files: where they were read from, that a later change could be read from, too.
        config_test: whether `--config-test` was given, so that nothing must be started.
    """

    settings: Settings
    providers: tuple[ProviderEntry, ...]
    structure: Structure
    warnings: tuple[str, ...]
    sources: Mapping[str, str]
    files: tuple[str, ...] = ()
    config_test: bool = False
