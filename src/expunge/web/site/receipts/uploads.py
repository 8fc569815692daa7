"""Read an uploaded receipt: a zip of its folder, its files, or the statement alone. Every size is bounded before a byte is unpacked.

A zip comes from strangers. Its own words about sizes and names decide nothing: each file is read up to a limit, and names that no receipt
has are refused.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence

from expunge.core.verification import receipt_folder
from expunge.core.verification.receipt_check import STATEMENT
from expunge.errors import EvidenceInvalid

MOST_UPLOAD = 2 * 2**20
"""Bytes of one upload, all files together: four times those of the largest receipts. Django takes no larger text either."""
MOST_UNPACKED = 8 * 2**20
"""Bytes of all unpacked files together."""
MOST_FILES = 32
"""Files of one upload, or entries of a zip."""
HOW_TO, SPANISH_PAGE = "how-to-check.txt", "recibo.html"
"""Files that a download of ours has beside the receipt's folder. They are not read."""
_KNOWN = {*receipt_folder.REQUIRED, *receipt_folder.OPTIONAL}
_ZIP, _END = b"PK\x03\x04", b"PK\x05\x06"
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_ENCRYPTED = 0x1
_HELP = "upload the zip that the receipt came in, or the files of its folder"


def read_upload(parts: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    """Return the files of an upload by name. Files that may lie beside a receipt are named and not read.

    Args:
        parts: name and bytes of each uploaded file. One that is a zip has to be the only one.

    Raises:
        EvidenceInvalid: too many bytes or files, a name that no receipt has, a name twice, or a zip that cannot be read.
    """
    if not parts:
        raise EvidenceInvalid("nothing was uploaded", help=_HELP)
    if len(parts) > MOST_FILES or sum(len(data) for _, data in parts) > MOST_UPLOAD:
        message = f"the upload is too large for a receipt: at most {MOST_UPLOAD >> 20} MiB and {MOST_FILES} files"
        raise EvidenceInvalid(message, help=_HELP)
    if len(parts) == 1 and parts[0][1][:4] in (_ZIP, _END):
        return _distinct(_unpacked(parts[0][1]))
    return _distinct((_plain(name), data) for name, data in parts)


def read_text(text: str) -> dict[str, bytes]:
    """Return a pasted text as the file that it is: an envelope, or a statement. Raises EvidenceInvalid for one that is too long."""
    data = text.strip().encode()
    if not data or len(data) > MOST_UPLOAD:
        raise EvidenceInvalid("the text is empty, or too long for a receipt", help="paste the text of receipt.dsse.json")
    return {receipt_folder.ENVELOPE if b'"payloadType"' in data[:4096] or b'"payload"' in data[:64] else STATEMENT: data}


def _distinct(files: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name, data in files:
        if name in found:
            raise EvidenceInvalid("two files of the upload have one name", help=_HELP)
        if name not in _KNOWN:
            # Why without its name: it is of a stranger.
            raise EvidenceInvalid("the upload has a file that no receipt has", help=f"a receipt is {', '.join(receipt_folder.REQUIRED)}")
        found[name] = b"" if name in receipt_folder.BESIDE else data
    return found


def _plain(name: str) -> str:
    """Return the last part of a name, as browsers give names of files in a folder."""
    return name.replace("\\", "/").rpartition("/")[2]


def _unpacked(data: bytes) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir() and entry.filename not in (HOW_TO, SPANISH_PAGE)]
            _check_entries(entries)
            left = MOST_UNPACKED
            for entry in entries:
                name = _plain(entry.filename)
                if name in receipt_folder.BESIDE:
                    yield name, b""
                    continue
                with archive.open(entry) as file:
                    unpacked = file.read(left + 1)
                left -= len(unpacked)
                if left < 0:
                    message = f"the zip unpacks to more than {MOST_UNPACKED >> 20} MiB"
                    raise EvidenceInvalid(message, help=_HELP)
                yield name, unpacked
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError, UnicodeDecodeError, ValueError) as error:
        raise EvidenceInvalid("the zip cannot be read", help=_HELP) from error


def _check_entries(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse a zip before any of it is unpacked: by the number, the names and the kinds of its entries."""
    if not entries or len(entries) > MOST_FILES:
        message = f"the zip holds no file, or more than {MOST_FILES}"
        raise EvidenceInvalid(message, help=_HELP)
    folders = {entry.filename.replace("\\", "/").rpartition("/")[0] for entry in entries}
    if len(folders) > 1:
        raise EvidenceInvalid("the zip holds several folders", help="upload the folder of one receipt: each person has one")
    if any(entry.flag_bits & _ENCRYPTED or entry.compress_type not in _METHODS for entry in entries):
        raise EvidenceInvalid("the zip is encrypted, or packed in a way that no receipt is", help=_HELP)
