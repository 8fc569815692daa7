"""``expunge consent``: record consents, show them, and withdraw them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties.consent_requests import COMMANDS, OPENING, RECEIPT, By, Purpose, Reason, Receipt, write
from expunge.cli.terminal import options, output, person_prompt
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Consent: give, withdraw, show; ask parents; texts.", no_args_is_help=True)
for command in COMMANDS:
    app.command()(command)

Guardian = Annotated[
    str, typer.Option(help="The proof of the guardian who decides, as `expunge guardian list` shows it.", show_default=False)
]


@app.command()
def give(
    name: person_prompt.Name,
    purpose: Purpose,
    surface: Annotated[str, typer.Option(help="Where it was shown and done: 'app 4.2, voice settings'.", show_default=False)],
    act: Annotated[str, typer.Option(help="How: ticked, pressed, signed, said or confirmed.", show_default=False)],
    guardian: Guardian = "",
    method: Annotated[str, typer.Option(help="How it was established who they are.")] = "signed in",
    shown: Annotated[str, typer.Option(help="SHA-256 of the text as it was shown, in hex.", show_default=False)] = "",
    receipt: Receipt = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that a person, or a guardian for them, agreed to one purpose. General terms, silence and the like are refused."""
    from expunge.bootstrap.consents import Agreement

    with opened(map_file, recover=True) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        agreed = expunge.consents.give(person, purpose, Agreement(surface, act, method, guardian, shown))
    write(receipt, agreed)
    output.write_json("consent/1", {"consent": agreed.consent, "purpose": purpose}) if as_json else output.say(agreed.consent)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of one consent receipt.", exists=True, file_okay=False)],
    trust: Annotated[
        Path,
        typer.Option(help="Keys got elsewhere, as `expunge log policy` prints them.", exists=True, dir_okay=False, show_default=False),
    ],
    shown: Annotated[
        Path | None, typer.Option(help="A text: is it the one that was agreed to?", exists=True, dir_okay=False, show_default=False)
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Check a consent receipt, and that the opening beside it is its own. Needs no network and no database.

    Exit code 0 when it holds, 6 when it does not.
    """
    from hashlib import sha256

    from expunge.core.consent import consent_receipt
    from expunge.core.evidence.commitment import parse_opening
    from expunge.core.log.trust import parse
    from expunge.errors import EvidenceInvalid

    signers = [signer.key for signer in parse(trust.read_bytes()).signers]
    receipt = consent_receipt.verify((folder / RECEIPT).read_bytes(), signers)
    opening = folder / OPENING
    if opening.exists():
        parse_opening(opening.read_bytes()).verify(receipt.commitment)
    if shown is not None and sha256(shown.read_bytes()).hexdigest() != receipt.sha256:
        raise EvidenceInvalid("this is not the text that was agreed to", help="`expunge consent text` prints texts as they were shown")
    facts: dict[str, Any] = {
        "consent": receipt.consent,
        "at": receipt.at,
        "purpose": receipt.purpose,
        "use": receipt.terms.use.value,
        "datasets": receipt.terms.datasets,
        "recipients": receipt.terms.recipients,
        "text": f"{receipt.text} {receipt.version}",
        "sha256": receipt.sha256,
        "surface": receipt.surface,
        "act": receipt.act.value,
        "by": "guardian" if receipt.guardian else "person",
        "method": receipt.method,
        "opened": opening.exists(),
    }
    if as_json:
        output.write_json("consent-verification/1", facts)
        return
    for key, value in facts.items():
        word = ", ".join(value) if isinstance(value, tuple) else output.moment(value) if key == "at" else str(value)
        output.say(f"{key}: {output.visible(word)}")


@app.command()
def receipt(
    consent: Annotated[str, typer.Argument(metavar="CONSENT", help="Its id, as `expunge consent history` shows it.", show_default=False)],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Print the signed receipt of a consent. The opening beside it is with whoever agreed, and nowhere else."""
    with opened(map_file) as expunge:
        data = expunge.consents.receipt(consent)
    output.write_json("consent-receipt/1", {"consent": consent, "envelope": data.decode()}) if as_json else output.say(data.decode())


@app.command()
def withdraw(
    name: person_prompt.Name, purpose: Purpose, guardian: Guardian = "", map_file: options.Map = None, as_json: options.Json = False
) -> None:
    """Take a consent back. It ends at once; what nothing else has a ground to keep is erased by an order, which is shown."""
    with opened(map_file, recover=True) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        done = expunge.consents.withdraw(person, purpose, guardian)
    if as_json:
        output.write_json("consent-withdrawn/1", {"withdrawal": done.withdrawal, "datasets": done.datasets, "order": done.order})
        return
    output.say(done.order or "withdrawn; everything that was used for it has another ground")
    if done.order:
        output.note(f"withdrawn; to erase {', '.join(done.datasets)}: expunge plan {done.order}")


@app.command()
def show(name: person_prompt.Name, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show for every purpose of the map whether a person's data may be used for it now, and why."""
    with opened(map_file) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        rows = [
            _row(purpose.name, purpose.use.value, expunge.consents.ask(person, purpose.name)) for purpose in expunge.map.purposes.values()
        ]
    if as_json:
        output.write_json("consents/1", {"subject": person.person.subject, "purposes": rows})
        return
    from rich.table import Table

    table = Table("purpose", "use", "may be used", "why", "agreed", "text", "by")
    for row in rows:
        word, by = "yes" if row["holds"] else "no", row["by"] or "-"
        table.add_row(row["purpose"], row["use"], word, row["why"], output.moment(row["agreed"]), row["text"] or "-", by)
    output.stdout().print(table) if rows else output.say("the map names no purposes")


def _row(purpose: str, use: str, answer: Any) -> dict[str, Any]:
    given = answer.given
    return {
        "purpose": purpose,
        "use": use,
        "holds": answer.holds,
        "why": answer.why.value,
        "agreed": given.at if given else None,
        "text": f"{given.text} {given.version}" if given else None,
        "by": (given.proof or "themself") if given else None,
    }


@app.command()
def history(name: person_prompt.Name, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show all that was said about a person, oldest first: consents, withdrawals, guardians, disputes."""
    with opened(map_file) as expunge:
        (person,) = person_prompt.resolve(expunge, [name], whole=False)
        consents = expunge.consents.register()
        events = [_event(each) for each in consents.history.get(consents.of(person.person.subject), [])]
    if as_json:
        output.write_json("consent-history/1", {"events": events})
        return
    for event in events:
        details = ", ".join(f"{key}: {output.visible(str(value))}" for key, value in event.items() if key not in ("at", "what") and value)
        output.say(f"{output.moment(event['at'])}  {event['what']}  {details}")
    if not events:
        output.say("nobody has said anything")


_SHOWN = ("id", "purpose", "text", "version", "surface", "act", "proof", "method", "datasets", "why", "by", "reason")


def _event(event: Any) -> dict[str, Any]:
    from expunge.core.values.tags import tag_of

    return {"at": event.at, "what": tag_of(type(event)), **{key: getattr(event, key) for key in _SHOWN if hasattr(event, key)}}


@app.command()
def texts(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """List the disclosure texts and whether each is still what people agreed to. Exit code 1 when one was altered or is missing."""
    with opened(map_file) as expunge:
        found = expunge.consents.texts()
    rows = [
        {"text": each.name, "version": each.version.version, "file": each.version.file, "state": each.state.value, "sha256": each.sha256}
        for each in found
    ]
    if as_json:
        output.write_json("consent-texts/1", {"texts": rows})
    else:
        for row in rows:
            line = f"{row['text']} {row['version']}: {row['state']}  {row['sha256'][:16]}  {row['file']}"
            output.say(output.visible(line))
    if any(text.state.broken for text in found):
        raise typer.Exit(1)


@app.command()
def text(
    name: Annotated[str, typer.Argument(metavar="TEXT", help="A name under texts: of the map.", show_default=False)],
    version: Annotated[str, typer.Option(help="Its version; else the newest.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Print a disclosure text byte for byte as people agreed to it, even where its file was altered since."""
    with opened(map_file) as expunge:
        versions = expunge.map.texts.get(name, ())
        wanted = version or (versions[-1].version if versions else "")
        data = expunge.consents.text(name, wanted)
    if as_json:
        output.write_json("consent-text/1", {"text": name, "version": wanted, "body": data.decode()})
    else:
        sys.stdout.buffer.write(data)


@app.command()
def merge(
    name: person_prompt.Name,
    into: Annotated[str, typer.Argument(metavar="INTO", help="The identity that stays.", show_default=False)],
    by: By,
    reason: Reason,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Say that two identities are one person's. The stricter of what they said holds for both."""
    _two(name, into, map_file, lambda expunge, one, other: expunge.consents.merge(one, other, by=by, reason=reason))
    output.write_json("consent-people/1", {"done": "merged"}) if as_json else output.say("one person from now on")


@app.command()
def split(
    name: person_prompt.Name,
    off: Annotated[str, typer.Argument(metavar="OTHER", help="The identity that is somebody else's.", show_default=False)],
    by: By,
    reason: Reason,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Say that one identity was two people's. The other has agreed to nothing; what was withdrawn is withdrawn for both."""
    _two(name, off, map_file, lambda expunge, one, other: expunge.consents.split(one, other, by=by, reason=reason))
    output.write_json("consent-people/1", {"done": "split"}) if as_json else output.say("two people from now on")


def _two(first: str, second: str, map_file: Path | None, act: Any) -> None:
    with opened(map_file, recover=True) as expunge:
        act(expunge, *person_prompt.resolve(expunge, [first, second], whole=False))
