"""Opens pictures by the one form that their content told, within a bound on pixels."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image, ImageOps

from expunge.adapters.decoding.faults import MediaFault, MediaRefused
from expunge.core.families.media_types import MediaType

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL.ImageFile import ImageFile

FORMATS = {MediaType.JPEG: "JPEG", MediaType.PNG: "PNG", MediaType.GIF: "GIF", MediaType.WEBP: "WEBP", MediaType.AVIF: "AVIF"}
MOST_PIXELS = 50_000_000
DAMAGED = (OSError, ValueError, RuntimeError, ArithmeticError, LookupError, TypeError, SyntaxError, EOFError, struct.error)
"""What a library raises for damaged content. Anything else ends the process; the recording is then told to be unplayable too."""


def load() -> None:
    """Load what decodes pictures."""
    Image.init()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS


def warm() -> None:
    """Open a picture of each form, so that what reads it is there before this process is closed."""
    for media, name in FORMATS.items():
        file = io.BytesIO()
        Image.new("RGB", (16, 16)).save(file, name)
        picture(media, file, 16)


def picture(media: MediaType, file: BinaryIO, side: int) -> Image.Image:
    """Return a picture upright, of ``side`` pixels a side at most. Raises MediaRefused."""
    try:
        with Image.open(file, formats=[FORMATS[media]]) as image:
            if image.width * image.height > MOST_PIXELS:
                raise MediaRefused(MediaFault.PIXELS)
            return _upright(image, side)
    except (MemoryError, Image.DecompressionBombError) as error:
        raise MediaRefused(MediaFault.PIXELS) from error
    except DAMAGED as error:
        raise MediaRefused(MediaFault.DAMAGED) from error


def of_pixels(pixels: NDArray[Any]) -> Image.Image:
    """Return a picture of pixels: rows, columns, and red, green and blue of 8 bits."""
    return Image.fromarray(np.ascontiguousarray(pixels, np.uint8))


def _upright(image: ImageFile, side: int) -> Image.Image:
    image.draft("RGB", (side, side))
    image.thumbnail((side, side))
    return ImageOps.exif_transpose(image).convert("RGB")
