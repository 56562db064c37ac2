"""An option that can be given once: of two values, nobody would know that one counted for nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


class Once(argparse.Action):
    """Stores a value, and refuses a second one."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        """Take a value; ends the process as argparse does for the second."""
        if getattr(namespace, self.dest) != self.default:
            raise argparse.ArgumentError(self, "it is given twice; run the command once for each file")
        setattr(namespace, self.dest, values)
