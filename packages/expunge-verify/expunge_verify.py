"""Check the receipt of an erasure or of a look, offline: ``expunge-verify DIR [--trust FILE]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from expunge import clock
from expunge.cli.terminal.output import visible
from expunge.cli.terminal.receipt_files import read_folder
from expunge.core.review import view_verify
from expunge.core.verification.receipt_verify import verify
from expunge.errors import ExpungeError, UsageError


def main() -> int:
    """Check a receipt and print each step. Return 0 when it holds, 6 when it does not, 2 when there is nothing to read."""
    parser = argparse.ArgumentParser(prog="expunge-verify", description="Check the receipt of an erasure or of a look, offline.")
    parser.add_argument("folder", metavar="DIR", type=Path, help="the folder of one receipt")
    parser.add_argument("--trust", metavar="FILE", type=Path, help="keys got elsewhere, in the form of trust-policy.txt")
    given = parser.parse_args()
    try:
        trust = given.trust.read_bytes() if given.trust else None
        files, now = read_folder(given.folder), clock.now()
        if view_verify.is_receipt_of_look(files):
            steps = view_verify.verify(files, trust, at=now).steps
        else:
            steps = verify(files, trust, at=now).steps
    except OSError as error:
        return _refused(f"{error.filename} cannot be read: {error.strerror}", "name the folder of one receipt", UsageError.exit_code)
    except ExpungeError as error:
        return _refused(error.message, error.help, error.exit_code)
    for number, step in enumerate(steps, 1):
        sys.stdout.write(f"{number}. {visible(step)}\n")
    return 0


def _refused(message: str, mend: str, code: int) -> int:
    sys.stderr.write(f"error: {visible(message)}\n" + (f"help: {visible(mend)}\n" if mend else ""))
    return code


if __name__ == "__main__":
    sys.exit(main())
