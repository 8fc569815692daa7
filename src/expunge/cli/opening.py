"""Opening an installation: the map, its state, its stores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge


@contextmanager
def opened(map_file: Path | None) -> Iterator[Expunge]:
    """The facade over the installation of a map, closed at the end."""
    from expunge.bootstrap import Expunge

    with Expunge.open(map_file) as expunge:
        yield expunge
