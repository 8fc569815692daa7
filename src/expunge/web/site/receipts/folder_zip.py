"""The folder of a receipt as one file to take away."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping


def zipped(name: str, files: Mapping[str, bytes], beside: Mapping[str, bytes]) -> bytes:
    """Return a zip: the receipt in a folder of its own, which a check takes as it is, and what is told beside it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in [*((f"{name}/{each}", files[each]) for each in sorted(files)), *beside.items()]:
            # Why one time: the same receipt makes the same zip.
            entry = zipfile.ZipInfo(path)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data)
    return out.getvalue()
