"""The shared conformance folder: where it is, and the recorded cookies in it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any


def shared() -> Path:
    """The folder that O2SIDECAR_SHARED names, else `shared` beside the repository; fails where there is none."""
    folder = Path(os.environ.get("O2SIDECAR_SHARED") or Path(__file__).parents[3] / "shared")
    if not folder.is_dir():
        raise AssertionError(f"the shared folder is not at {folder}; set O2SIDECAR_SHARED")
    return folder


def recorded_cookies() -> dict[str, Any]:
    """What `conformance/cookies.json` holds."""
    document: dict[str, Any] = json.loads((shared() / "conformance" / "cookies.json").read_text("utf-8"))
    return document


def other_codec() -> Any:
    """The independent reader and writer of the cookie format, `conformance/cookie_codec.py`, as a module."""
    path = shared() / "conformance" / "cookie_codec.py"
    module = ModuleType("cookie_codec")
    # Dataclasses look their own module up by its name.
    sys.modules[module.__name__] = module
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return module
