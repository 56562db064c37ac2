"""What the arguments of all commands about manifests have in common."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any


def parser_of(command: str, description: str, epilog: str) -> argparse.ArgumentParser:
    """A parser whose help is written as it stands here, and that takes no flag for another one."""
    return argparse.ArgumentParser(
        prog=f"o2sidecar {command}",
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


class Once(argparse.Action):
    """Stores a value, and refuses a second one: of two, nobody would know that one counted for nothing."""

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
