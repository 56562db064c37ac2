"""Tests of this room; examples take as long as they take, for machines that run tests are busy."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
