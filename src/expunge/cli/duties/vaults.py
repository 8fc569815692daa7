"""``expunge vault``: how the keys of vaults stand, their rotation and destruction, who can read, and what lies in the clear."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.duties import vault_adopt, vault_derive, vault_openings
from expunge.cli.orders.plan_commands import signed
from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.bootstrap.vault.epochs import KeyStatus
    from expunge.bootstrap.vault.readers import WhoCanRead
    from expunge.ports.vault.key_epochs import KeyDeath

app = typer.Typer(
    help="Sealed recordings: take over what lies in the clear, seal what is made from them, keys and epochs, who can read and who did.",
    no_args_is_help=True,
)
app.command()(vault_adopt.adopt)
app.command()(vault_derive.derive)
app.command()(vault_openings.openings)
app.command()(vault_openings.review)
app.command()(vault_openings.inventory)

Epoch = Annotated[int, typer.Argument(metavar="EPOCH", help="Its number, as `expunge vault status` shows it.", show_default=False)]


@app.command()
def status(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show epochs, what lives under them, and deaths of keys that are not yet irrecoverable. Exit code 1: an epoch is overdue."""
    with opened(map_file) as expunge:
        found = expunge.epochs.status()
    output.write_json("vault-status/1", _status(found)) if as_json else _tell_status(found)
    if found.overdue:
        raise typer.Exit(Exit.FAILED)


@app.command()
def rotate(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Make a new epoch and wrap every living key under it; interrupted, the next call finishes it. Nothing is destroyed by it.

    Exit code 1: the old keys could not be scrubbed from the table's journal, since another process reads it; call it again.
    """
    with opened(map_file) as expunge:
        done = expunge.epochs.rotate()
    if as_json:
        output.write_json("vault-rotated/1", {"epoch": done.epoch, "keys": done.keys, "resumed": done.resumed, "scrubbed": done.scrubbed})
    else:
        output.say(f"{output.count(done.keys, 'key')} wrapped anew; epoch {done.epoch} is the current one")
    if not done.scrubbed:
        output.note("another process reads the key table: the keys as they were wrapped before are still in its journal")
        raise typer.Exit(Exit.FAILED)


@app.command()
def approve(
    epoch: Epoch,
    approver: Annotated[str, typer.Option("--as", help="A name under `approvers:` of the map.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print the message that an approver signs.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Approve that an epoch is destroyed, with an Ed25519 signature over what is destroyed. It takes two people with keys of their own."""
    with opened(map_file) as expunge:
        text = expunge.epochs.message(epoch)
        if message:
            output.write_json("vault-approval-message/1", {"message": text.decode()}) if as_json else typer.echo(text, nl=False)
            return
        names = expunge.epochs.approve(epoch, approver, signed(approver, signature, key, text))
    if as_json:
        output.write_json("vault-approval/1", {"epoch": epoch, "approvers": names})
    else:
        output.say(f"the destruction of epoch {epoch} is approved by {', '.join(names)}")


@app.command("destroy-epoch")
def destroy_epoch(epoch: Epoch, yes: options.Yes = False, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Destroy an epoch's key for good: copies of the key table from its time open nothing any more, backups too.

    Refused while a living key is under it, and before two approvers of the map have signed it (`vault approve`).
    """
    with opened(map_file) as expunge:
        if epoch in {each.number for each in expunge.epochs.status().epochs}:
            expunge.epochs.require_approved(epoch)
            options.confirm(f"destroy epoch {epoch} for good? No copy of the key table from its time opens anything afterwards", yes=yes)
        names = expunge.epochs.destroy(epoch)
    if as_json:
        output.write_json("vault-epoch-destroyed/1", {"epoch": epoch, "approvers": names})
    else:
        output.say(f"epoch {epoch} is destroyed, as {' and '.join(names)} approved")


@app.command("accept-older")
def accept_older(
    by: Annotated[str, typer.Option(help="The person who decides; journalled.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why; journalled.", show_default=False)],
    yes: options.Yes = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Go on with a register of key deaths that was put back from an older copy, where there is no newer one.

    Keys that died after the copy was made live again, in this key table. Then run `expunge sweep`, which finds the people and erases them.
    """
    options.confirm("go on with an older register of key deaths? Keys that died since live again until a sweep", yes=yes)
    with opened(map_file) as expunge:
        accepted = expunge.epochs.accept_older(by, reason)
    if as_json:
        output.write_json("vault-older-accepted/1", {"entries": accepted.number, "by": accepted.by})
    else:
        output.say(f"the register of key deaths counts with its {output.count(accepted.number, 'entry', 'entries')}")
        output.note("next: expunge sweep")


@app.command("who-can-read")
def who_can_read(
    days: Annotated[int, typer.Option(help="Count the openings of so many days.", min=1, max=36500)] = 365,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Tell who can reach plaintext and why: who can read the keys, for which purposes the gate lets it, who opened in twelve months.

    And what was allowed and not used in that time: purposes, readers of a purpose, consents. By construction: from owners and modes of
    files, the map and the journal. No key is read, no recording opened.
    """
    with opened(map_file) as expunge:
        found = expunge.epochs.who_can_read(days)
    output.write_json("vault-who-can-read/1", _readers(found)) if as_json else _tell_readers(found)


def _status(found: KeyStatus) -> dict[str, Any]:
    epochs = [
        {
            "epoch": each.number, "made": each.made, "due": each.made + found.lifetime, "overdue": each.number in found.overdue,
            "current": each.current, "subjects": each.subjects, "recordings": each.recordings, "destroyable": each.destroyable,
        }
        for each in found.epochs
    ]  # fmt: skip
    return {"epochs": epochs, "waiting": [_death(found, each) for each in found.waiting], "copyable": found.copyable}


def _death(found: KeyStatus, death: KeyDeath) -> dict[str, Any]:
    waits = {"inaccessible": death.inaccessible, "epochs": sorted(death.epochs), "due": death.due(found.lifetime)}
    return {"shreds": death.shreds, **waits}


def _tell_status(found: KeyStatus) -> None:
    from rich.table import Table

    table = Table("epoch", "made", "due", "people", "recordings", "")
    for each in found.epochs:
        said = "current" if each.current else "can be destroyed" if each.destroyable else "rotate to free it"
        late = each.number in found.overdue
        due = f"{output.moment(each.made + found.lifetime)}{' OVERDUE' if late else ''}"
        counts = (f"{each.subjects:,}", f"{each.recordings:,}")
        table.add_row(str(each.number), output.moment(each.made), due, *counts, said, style="bold red" if late else "")
    output.stdout().print(table)
    for death in found.waiting:
        shreds = output.count(death.shreds, "shred")
        output.say(f"{shreds} up to {output.moment(death.inaccessible)}: inaccessible; irrecoverable once {death.until()}")
    if found.copyable:
        output.say("the root is a folder of this machine: a copy of it opens epochs that were destroyed since")


def _readers(found: WhoCanRead) -> dict[str, Any]:
    return {
        "places": [
            {"what": each.what, "path": each.path, "owner": each.owner, "mode": each.mode, "readers": each.readers} for each in found.places
        ],
        "alone": found.alone,
        "passphrase": found.passphrase,
        "grants": [
            {
                "purpose": each.purpose, "needs": each.needs, "datasets": each.datasets, "openings": each.openings, "last": each.last,
                "readers": each.readers, "idle": each.idle, "consents": each.consents, "unused_consents": each.unused_consents,
            }
            for each in found.grants
        ],
        "own": found.own,
        "opened": [
            {
                "user": each.user, "program": each.program, "purpose": each.purpose, "openings": each.openings,
                "recordings": each.recordings, "last": each.last,
            }
            for each in found.opened
        ],
        "unused": found.unused,
        "never": found.never,
        "keeper": None if found.keeper is None else [{"who": who, "may": may} for who, may in found.keeper],
        "days": found.days,
    }  # fmt: skip


def _tell_readers(found: WhoCanRead) -> None:
    from rich.table import Table

    table = Table("needed to read", "path", "mode", "who can read it, beside root")
    for place in found.places:
        table.add_row(place.what, output.visible(place.path), place.mode, output.visible(", ".join(place.readers)))
    output.stdout().print(table)
    also = ", with the passphrase," if found.passphrase else ""
    output.say(f"every program of {', '.join(map(output.visible, found.alone)) or 'nobody'} or root{also} can open all, past the gate")
    table = Table("the gate lets it for", "needs", "to accounts", "datasets", f"openings in {found.days} days", "last")
    for grant in found.grants:
        words = (output.visible(grant.purpose), grant.needs, output.visible(", ".join(grant.readers)) or "any", ", ".join(grant.datasets))
        table.add_row(*words, str(grant.openings), output.moment(grant.last) if grant.last else "NEVER USED")
    output.stdout().print(table)
    for grant in found.grants:
        for account in grant.idle:
            output.say(f"{output.visible(account)} may open for {output.visible(grant.purpose)}, and did not")
        if grant.unused_consents:
            asked = f"{output.count(grant.unused_consents, 'person', 'people')} of {grant.consents}"
            output.say(f"{asked} agreed to {output.visible(grant.purpose)}, and no recording of theirs was opened for it")
    for each in found.own:
        output.say(f"by itself: {each}")
    table = Table(f"opened in {found.days} days by", "program", "for", "openings", "recordings", "last")
    for entry in found.opened:
        who = map(output.visible, (entry.user, entry.program, entry.purpose))
        table.add_row(*who, str(entry.openings), str(entry.recordings), output.moment(entry.last))
    output.stdout().print(table) if found.opened else output.say(f"nobody opened a recording in {found.days} days")
    for name, may in found.keeper or ():
        output.say(f"through the keeper: {output.visible(name)} may {output.visible(may)}")
    for user in found.never:
        output.say(f"{output.visible(user)} can read everything and opened nothing in {found.days} days")
