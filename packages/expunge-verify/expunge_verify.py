"""Check the receipt of an erasure or of a look, or a pack of evidence, offline: ``expunge-verify PATH [--trust FILE]``."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path

from expunge import clock
from expunge.cli.terminal.evidence_files import read_pack
from expunge.cli.terminal.receipt_files import read_folder
from expunge.cli.terminal.visible_text import visible
from expunge.core.review import view_verify
from expunge.core.verification import evidence_pack, evidence_verify, receipt_verify
from expunge.errors import ExpungeError, UsageError


def main() -> int:
    """Check a receipt or a pack and print each step. Return 0 when it holds, 6 when it does not, 2 when there is nothing to read."""
    parser = argparse.ArgumentParser(prog="expunge-verify", description="Check a receipt or a pack of evidence, offline.")
    parser.add_argument("path", metavar="PATH", type=Path, help="the folder of one receipt; or a pack of evidence, its zip or its folder")
    parser.add_argument("--trust", metavar="FILE", type=Path, help="keys got elsewhere, in the form of trust-policy.txt")
    given = parser.parse_args()
    try:
        steps = check(given.path, given.trust.read_bytes() if given.trust else None, clock.now())
    except OSError as error:
        mend = "name the folder of one receipt, or a pack of evidence"
        return _refused(f"{error.filename} cannot be read: {error.strerror}", mend, UsageError.exit_code)
    except ExpungeError as error:
        return _refused(error.message, error.help, error.exit_code)
    for number, step in enumerate(steps, 1):
        sys.stdout.write(f"{number}. {visible(step)}\n")
    return 0


def check(path: Path, trust: bytes | None, at: datetime) -> tuple[str, ...]:
    """Return the result of each step, as sentences.

    Raises:
        EvidenceInvalid: when anything is wrong.
        UsageError: for a zip that is no pack.
        OSError: when a file cannot be read.
    """
    path.stat()
    if not path.is_dir() or (path / evidence_pack.MANIFEST).exists():
        pack = read_pack(path)
        if evidence_pack.MANIFEST not in pack:
            message = f"{path} is no pack of evidence"
            raise UsageError(message, help="unpack the zip of a receipt, and name the folder that came out")
        return evidence_verify.verify(pack, trust, at=at).steps
    files = read_folder(path)
    if view_verify.is_receipt_of_look(files):
        return view_verify.verify(files, trust, at=at).steps
    return receipt_verify.verify(files, trust, at=at).steps


def _refused(message: str, mend: str, code: int) -> int:
    sys.stderr.write(f"error: {visible(message)}\n" + (f"help: {visible(mend)}\n" if mend else ""))
    return code


if __name__ == "__main__":
    sys.exit(main())
