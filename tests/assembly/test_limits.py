"""Tests that every limit of the wire is an option."""

from __future__ import annotations

import attrs
from twisted.trial.unittest import SynchronousTestCase

from o2sidecar.assembly.apps import upstream_limits_of
from o2sidecar.assembly.wire import limits_of
from o2sidecar.http.limits import Limits, UpstreamLimits
from tests.settings.loading import load_with

CLIENTS = {
    "head_size": "head_size_limit",
    "target_size": "target_size_limit",
    "field_count": "header_count_limit",
    "body_size": "body_size_limit",
    "chunk_line_size": "chunk_line_size_limit",
    "chunk_extensions_size": "chunk_extensions_limit",
    "trailer_size": "trailer_size_limit",
    "head_time": "head_timeout",
    "body_time": "body_idle_timeout",
    "idle_time": "keepalive_timeout",
    "write_time": "write_timeout",
    "tunnel_time": "tunnel_idle_timeout",
    "farewell_time": "websocket_close_timeout",
    "linger_time": "linger_timeout",
    "half_closed_time": "half_closed_timeout",
    "connections": "max_connections",
}
APPS = {
    "head_size": "upstream_head_size_limit",
    "interim_count": "upstream_interim_limit",
    "chunk_line_size": "chunk_line_size_limit",
    "trailer_size": "trailer_size_limit",
    "connect_time": "upstream_connect_timeout",
    "head_time": "upstream_timeout",
    "idle_time": "upstream_idle_timeout",
    "write_time": "upstream_write_timeout",
    "continue_time": "upstream_continue_timeout",
    "pool_time": "upstream_keepalive_timeout",
    "pool_size": "upstream_pool_size",
}
"""Limits, and the options that set them."""


class LimitTests(SynchronousTestCase):
    """What a client, a request and an app may cost."""

    def set_to(self, option: str) -> tuple[Limits, UpstreamLimits]:
        """The limits when one option is 2048, or as many seconds."""
        value = "2048s" if option.endswith("timeout") else "2048"
        loaded = load_with(f"--{option.replace('_', '-')}={value}")
        [upstream] = loaded.structure.upstreams
        return limits_of(loaded.settings, bearable=100_000), upstream_limits_of(loaded.settings, upstream)

    def test_all(self) -> None:
        """Every limit follows an option."""
        self.assertEqual({each.name for each in attrs.fields(Limits)}, CLIENTS.keys())
        self.assertEqual({each.name for each in attrs.fields(UpstreamLimits)}, APPS.keys())
        for limit, option in CLIENTS.items():
            self.assertEqual(getattr(self.set_to(option)[0], limit), 2048, option)
        for limit, option in APPS.items():
            self.assertEqual(getattr(self.set_to(option)[1], limit), 2048, option)
