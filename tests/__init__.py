"""Tests, laid out as the package is.

Examples of property tests take as long as they take, for machines that run tests are busy. In CI they are the same
ones each time, so that a red run is about the change; on a laptop they are new ones, which finds new cases.
"""

import os

from hypothesis import settings

settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ours")
