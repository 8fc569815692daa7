"""``expunge map import``: a first map from the files of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.errors import UsageError

app = typer.Typer(help="Make a first map from what another tool was told.", no_args_is_help=True)


@app.command()
def fides(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of Fides dataset YAML, or one file.", exists=True)],
    out: Annotated[Path, typer.Option("--out", "-o", help="Where to write the map; never over one that is there.")] = Path("expunge.yaml"),
    as_json: options.Json = False,
) -> None:
    """Make a first map from Fides datasets, and say of everything that could not be carried over what it was, where, and what to do.

    Exit code 0 also where something was lost: the map says what is left to decide, and `expunge check` insists on it.
    """
    from expunge import survey

    if out.exists():
        message = f"there is a map already: {output.visible(str(out))}"
        raise UsageError(message, help="name another file with --out, or merge by hand")
    text, lost = survey.import_fides(folder)
    out.write_text(text, encoding="utf-8")
    if as_json:
        rows = [{"file": each.file, "line": each.line, "what": each.what, "why": each.why} for each in lost]
        output.write_json("map-import/1", {"map": out, "lost": rows})
        return
    output.say(f"wrote {output.visible(str(out))}")
    for each in lost:
        output.say(f"not carried: {output.visible(f'{each.file}:{each.line}: {each.what}')}")
        output.say(f"    {output.visible(each.why)}")
    output.note(f"{output.count(len(lost), 'thing')} could not be carried; decide the lines with DECIDE, then run `expunge check`")
