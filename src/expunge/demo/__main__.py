"""``python -m expunge.demo DIR [--keep-before]``: the whole demonstration."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from expunge.demo.story import regulator
from expunge.demo.story.chapters import SEED, tell
from expunge.errors import ExpungeError


def main(arguments: Sequence[str] | None = None) -> int:
    """Perform it; exit code 0 when every claim held, 1 when one did not.

    Args:
        arguments: those of the command line when None.
    """
    parser = argparse.ArgumentParser(prog="expunge demo", description="A small company, and three people who ask to be forgotten.")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("demo-out"), help="where to build it (default: demo-out)")
    parser.add_argument("--keep-before", action="store_true", help="also keep before/, a copy of the stores from before the orders")
    parser.add_argument("--workers", type=int, default=0, help="let so many processes carry the orders out, and kill one of them")
    parser.add_argument("--seed", type=int, default=SEED, help="another number, another company")
    parser.add_argument("--disgorge", action="store_true", help="tell the regulator's story instead, of two orders of destruction")
    given = parser.parse_args(arguments)
    try:
        if given.disgorge:
            stage = regulator.tell(given.folder.resolve(), seed=given.seed)
        else:
            stage = tell(given.folder.resolve(), keep_before=given.keep_before, workers=given.workers, seed=given.seed)
    except ExpungeError as error:
        sys.stderr.write(f"error: {error.message}\n" + (f"help: {error.help}\n" if error.help else ""))
        return error.exit_code
    return 1 if stage.failures else 0


if __name__ == "__main__":
    sys.exit(main())
