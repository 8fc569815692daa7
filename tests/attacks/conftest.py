"""Fixtures that the attacks borrow."""

from tests.estate.conftest import estate

__all__ = ["estate"]
