"""Volumes as kubelet writes them: each file a link through `..data`, which is exchanged for all of them at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from tests.box.manifests import File


class Volume:
    """A folder with the files of a ConfigMap or Secret."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self._times = 0

    def write(self, files: Mapping[str, File]) -> None:
        """Have these files in the place of those that are there."""
        self._times += 1
        new = self.folder / f"..2026_11_28_{self._times}"
        new.mkdir(mode=0o755)
        for name, file in files.items():
            path = new / name
            path.write_bytes(file.content)
            path.chmod(file.mode)
        data, coming = self.folder / "..data", self.folder / "..data_tmp"
        former = data.resolve() if data.is_symlink() else None
        coming.symlink_to(new.name)
        os.replace(coming, data)
        for name in files:
            if not (self.folder / name).is_symlink():
                (self.folder / name).symlink_to(f"..data/{name}")
        for path in self.folder.iterdir():
            if not path.name.startswith("..") and path.name not in files:
                path.unlink()
        if former is not None:
            shutil.rmtree(former)
