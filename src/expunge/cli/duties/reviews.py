"""``expunge review``: reviews of uses of location, without which the gate refuses them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.orders.plan_commands import sign
from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from expunge.bootstrap import Expunge
    from expunge.bootstrap.use_records import UseReview
    from expunge.engine.gate.use_records import RecordStanding

app = typer.Typer(help="Reviews of uses of location: list, message, enter, end.", no_args_is_help=True)
ReviewFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="YAML: purpose, decision, until, and the statement.", exists=True, show_default=False)
]
Signer = Annotated[str, typer.Option("--as", help="A name under `approvers:` of the map.", show_default=False)]
Signature = Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)]
Key = Annotated[Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)]


@app.command("list")
def list_reviews(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show every use of location by the map, and whether a review of it holds."""
    from expunge.core.consent.use_records import RecordKind

    with opened(map_file) as expunge:
        found = [each for each in expunge.uses.standings() if each.kind is RecordKind.REVIEW]
    if as_json:
        output.write_json("reviews/1", {"reviews": [{"purpose": each.about, **_stands(each)} for each in found]})
    else:
        tell(found, "no purpose of the map uses geolocation")


@app.command()
def message(file: ReviewFile, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Print the message that a reviewer signs: the use as the map has it now, the decision, the statement's digest, and the end."""
    with opened(map_file) as expunge:
        review = _review(expunge, file)
        text = expunge.uses.message_of_review(review)
    output.write_json("review-message/1", {"message": text.decode()}) if as_json else typer.echo(text, nl=False)


@app.command()
def enter(
    file: ReviewFile,
    by: Signer = "",
    signature: Signature = "",
    key: Key = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter a signed review. From then on the gate lets the use pass, until its end or until the map says another use."""
    with opened(map_file) as expunge:
        review = _review(expunge, file, *_signer_faults(by, signature, key))
        text = expunge.uses.message_of_review(review)
        entered = expunge.uses.review(review, by, signed(by, signature, key, text))
    said = {"purpose": entered.purpose, "decision": entered.decision.value, "until": entered.until, "by": entered.by}
    done = f"{output.visible(entered.purpose)}: {entered.decision.value}, until {output.moment(entered.until)}"
    output.write_json("review/1", said) if as_json else output.say(done)


@app.command()
def end(
    purpose: Annotated[str, typer.Argument(metavar="PURPOSE", help="A purpose of the map.", show_default=False)],
    by: Annotated[str, typer.Option(help="Who decides so.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; no identifier.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """End a review before its date. The gate refuses the use from then on."""
    from expunge.core.consent.use_records import RecordKind

    with opened(map_file) as expunge:
        expunge.uses.end(RecordKind.REVIEW, purpose, by=by, reason=reason)
    output.write_json("review/1", {"purpose": purpose, "ended": True}) if as_json else output.say(f"{output.visible(purpose)}: ended")


def tell(found: list[RecordStanding], nothing: str) -> None:
    """Write a table of records, or a sentence where none is needed."""
    from rich.table import Table

    if not found:
        output.say(nothing)
        return
    table = Table("of", "until", "stands")
    for each in found:
        until = output.moment(each.until) if each.until else "-"
        table.add_row(output.visible(each.about), until, each.lack or "holds", style="bold red" if each.lack else "")
    output.stdout().print(table)


def signed(by: str, signature: str, key: Path | None, text: bytes) -> str:
    """Return the signature that was given, or make one with the key. Raises UsageError for neither or both, or nobody who signs."""
    for fault in _signer_faults(by, signature, key):
        raise UsageError(fault, help=_SIGNER)
    return signature or sign(key, text)


_SIGNER = "--as NAME with --signature BASE64 or --key FILE"


def _signer_faults(by: str, signature: str, key: Path | None) -> tuple[str, ...]:
    return ("say who signs, and give a signature or a key",) if not by or bool(signature) == bool(key) else ()


def moment(text: str) -> datetime:
    """Read a date, in UTC. Raises UsageError."""
    from datetime import UTC, datetime, time

    try:
        day = datetime.fromisoformat(text)
    except ValueError as error:
        problem = f"{output.visible(text)} is no date"
        raise UsageError(problem, help="write it as 2027-01-31") from error
    return day if day.tzinfo else datetime.combine(day.date(), time(0), UTC)


def _stands(each: RecordStanding) -> dict[str, Any]:
    return {"holds": not each.lack, "until": each.until, "lacks": each.lack or None}


def _review(expunge: Expunge, file: Path, *more: str) -> UseReview:
    """Read a review. Raises UsageError with everything that is wrong in it and ``more``, all at once."""
    from expunge.bootstrap.use_records import UseReview
    from expunge.core.consent.use_records import ReviewDecision

    said = _said(file)
    faults = [f"{name} is missing" for name in ("purpose", "decision", "until") if not said.get(name)]
    purpose, decided, ends = (said.pop(name, "") for name in ("purpose", "decision", "until"))
    decision = next((each for each in ReviewDecision if each.value == decided), None)
    if decided and decision is None:
        words = ", ".join(f"`{each.value}`" for each in ReviewDecision)
        faults.append(f"decision: {output.visible(decided)} is none of {words}")
    until = None
    if ends:
        try:
            until = moment(ends)
        except UsageError as error:
            faults.append(f"until: {error.message}; {error.help}")
    faults += [each for each in expunge.uses.review_faults(purpose, said, decision, until) if purpose or not each.startswith("the map has")]
    faults += [f"{each}: {_SIGNER}" for each in more]
    if faults or decision is None or until is None:
        raise UsageError("\n".join((f"{file} is no review", *faults)), help="mend all of it, and run the same command again")
    return UseReview(purpose, decision, said, until)


def _said(file: Path) -> dict[str, str]:
    """The keys of a file with their texts. Raises UsageError for one that is no YAML of keys."""
    import yaml

    try:
        read = yaml.safe_load(file.read_text("utf-8"))
        return {str(name): "" if value is None else str(value).strip() for name, value in read.items()}
    except (yaml.YAMLError, UnicodeDecodeError, AttributeError, ValueError, OSError) as error:
        problem = f"{file} is no YAML of keys with texts"
        raise UsageError(problem, help="purpose, decision, until, and the sections of the statement") from error
