"""A picture that a telephone reads (QR code, ISO/IEC 18004), as numbers for an SVG: no style, no script, nothing from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import qrcode
from qrcode.constants import ERROR_CORRECT_M

_QUIET = 4
"""Modules of white around the code, as the standard wants."""


@dataclass(frozen=True)
class CodePicture:
    """One picture: its side in modules, and the path of its dark ones."""

    side: int
    path: str


def code_picture(text: str) -> CodePicture:
    """Return the picture of a text, such as an address. Raises ValueError for one that no code holds."""
    code = qrcode.QRCode(error_correction=ERROR_CORRECT_M, border=_QUIET)
    code.add_data(text)
    code.make(fit=True)
    rows = code.get_matrix()
    dark = (f"M{column} {row}h1v1h-1z" for row, cells in enumerate(rows) for column, cell in enumerate(cells) if cell)
    return CodePicture(len(rows), "".join(dark))
