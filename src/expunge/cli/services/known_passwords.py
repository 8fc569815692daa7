"""``expunge known-passwords``: a set of passwords from break-ins that the pages refuse beside their own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.errors import Misconfigured, UsageError


def known_passwords(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="One password a line, or SHA1:count a line, ascending, as Have I Been Pwned gives it out."),
    ],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The set to write.", show_default=False)],
    bits: Annotated[int, typer.Option(help="One other password in 2**BITS is refused by chance.", min=8, max=32)] = 16,
    as_json: options.Json = False,
) -> None:
    """Make a set of known passwords; `expunge serve` refuses what is in the set that EXPUNGE_KNOWN_PASSWORDS names.

    It works without a connection. Files of digests are read as they come, so that a list of a thousand million takes no memory.
    """
    from expunge.web.site.defence.password_list import make

    try:
        count = make(files, to, bits)
    except ValueError as error:
        raise UsageError(str(error), help="sort files of digests; put plain passwords into files of their own") from error
    except OSError as error:
        message = f"{output.visible(str(error.filename or to))} cannot be read or written: {error.strerror}"
        raise Misconfigured(message, help="check its name and its rights") from error
    size = to.stat().st_size
    values = {"file": str(to), "lines": count, "bytes": size, "by_chance": 2**-bits}
    output.write_json("known-passwords/1", values) if as_json else output.say(f"{to.name}: {count} digests, {size} bytes")
