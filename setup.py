"""Builds o2sidecar; everything but the layout is said in pyproject.toml.

`package_dir` makes an editable install put this folder itself on the path, which is how `twistd` finds
`twisted/plugins/o2sidecar_plugin.py` there; a wheel carries the same file beside Twisted's own plugins.
"""

from setuptools import find_packages, setup

setup(
    package_dir={"": "."},
    packages=[*find_packages(include=["o2sidecar", "o2sidecar.*"]), "twisted.plugins"],
)
