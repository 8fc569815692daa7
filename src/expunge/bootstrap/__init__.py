"""The composition root: the only room that knows all rooms below it.

``Expunge`` (:mod:`expunge.bootstrap.installation`) offers the verbs of the command line to programs. It needs most of the package, and is
imported at its first use: the keeper, the server and small commands compose less, each from a module of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expunge.bootstrap.installation import Expunge

__all__ = ["Expunge"]


def __getattr__(name: str) -> Any:
    if name == "Expunge":
        from expunge.bootstrap.installation import Expunge

        return Expunge
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
