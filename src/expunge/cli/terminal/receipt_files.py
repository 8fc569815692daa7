"""Read the folder of one receipt."""

from __future__ import annotations

from pathlib import Path

from expunge.errors import EvidenceInvalid

MOST_BYTES = 16 * 2**20
"""No file of a receipt is anywhere near as large."""


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the files of a receipt by name. Files that may lie beside one are named and not read.

    Raises:
        EvidenceInvalid: for what is no plain file, or is far too large to be of a receipt.
    """
    from expunge.core.verification.receipt_folder import BESIDE

    files: dict[str, bytes] = {}
    for path in sorted(folder.iterdir()):
        if path.name in BESIDE:
            files[path.name] = b""
        elif path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
            message = "the folder holds something that is no file of a receipt"
            several = path.is_dir() and (path / "receipt.dsse.json").exists()
            mend = (
                "it holds folders of receipts: name one of them" if several else "a receipt is seven plain files; move anything else away"
            )
            raise EvidenceInvalid(message, help=mend)
        else:
            files[path.name] = path.read_bytes()
    return files
