"""Helpers that several tests import; those that tests start as processes are in tests/standins."""

import pkgutil

import pytest

# A failed assertion in a helper shows its values, as one in a test does.
pytest.register_assert_rewrite(
    *(f"{__name__}.{item.name}" for item in pkgutil.iter_modules(__path__))
)
