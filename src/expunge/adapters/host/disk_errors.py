"""Turn failures of the disk under Expunge's own state into sentences for the operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from expunge.errors import StateUnavailable


@contextmanager
def guarded(what: str) -> Iterator[None]:
    """Run a block that reads or writes our own state.

    Args:
        what: what could not be done, as the start of a sentence: ``"the journal could not be written"``.

    Raises:
        StateUnavailable: for any OSError inside. The block may or may not have taken effect as a whole; never in part.
    """
    try:
        yield
    except OSError as error:
        message = f"{what}: {error.strerror or 'input/output error'}"
        raise StateUnavailable(
            message,
            help="check free space and permissions of the state folder, then run the same command again: it goes on from what was recorded",
        ) from error
