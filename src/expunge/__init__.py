"""Expunge erases a person's recordings, and everything learned from them, from every place they went, and proves it.

``from expunge import Expunge`` offers the verbs of the command line to programs; it is imported on first use, so that ``expunge.core``
can be used without a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge

__all__ = ["Expunge"]


def __getattr__(name: str) -> Any:
    if name == "Expunge":
        from expunge.bootstrap import Expunge

        return Expunge
    message = f"module 'expunge' has no attribute {name!r}"
    raise AttributeError(message)
