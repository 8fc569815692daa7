"""``expunge staff``: who works with Expunge's pages, in which job function, with which rights, decided by whom."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from enum import Enum

    from expunge.bootstrap import Expunge
    from expunge.core.accounts.staff import JobFunction, StaffRight
    from expunge.core.accounts.staff_acts import StaffAct
    from expunge.core.accounts.staff_events import StaffActor, StaffReason
    from expunge.core.accounts.staff_overview import ReviewedRight, StaffDecision, StaffReview
    from expunge.core.accounts.staff_state import StaffAccount
    from expunge.core.review.people import RecordedDuty
    from expunge.engine.reports.duty_ledger import LedgerEntry
    from expunge.ports.accounts.staff_directory import StaffActed

    Word = TypeVar("Word", bound=Enum)

app = typer.Typer(help="Accounts of staff: invite, grant, confirm, suspend, and what each may do.", no_args_is_help=True)
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="Its label or id, as `expunge staff list` shows it.", show_default=False)]
Function = Annotated[str, typer.Option("--function", help="operator, reviewer, officer, assessor or administrator.", show_default=False)]
Rights = Annotated[list[str] | None, typer.Option("--right", help="Only this right of the job function; repeatable.", show_default=False)]
Reason = Annotated[str, typer.Option(help="needed, unused, moved, left, away, back, incident or mistake.", show_default=False)]
_OF_KEYS = ("account", "label", "keys")
Reference = Annotated[str, typer.Option(help="The key of a ticket: HR-1042. No text, no name.", show_default=False)]


@app.command()
def functions(as_json: options.Json = False) -> None:
    """Show the rights of each job function, and which functions one person may have together."""
    from itertools import combinations

    from expunge.core.accounts.staff import RIGHTS, JobFunction, may_be_held_together

    pairs = [[str(each.value) for each in pair] for pair in combinations(JobFunction, 2) if may_be_held_together(pair)]
    if as_json:
        by_function = {function.value: sorted(each.value for each in rights) for function, rights in RIGHTS.items()}
        output.write_json("staff-functions/1", {"functions": by_function, "together": pairs})
        return
    from rich.table import Table

    table = Table("job function", "rights")
    for function, rights in RIGHTS.items():
        table.add_row(function.value, ", ".join(sorted(each.value for each in rights)))
    output.stdout().print(table)
    output.say(f"one person may be {'; or '.join(' and '.join(pair) for pair in pairs)}")


@app.command("list")
def list_accounts(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Show every account: how it stands, its job functions, and what it may do now."""
    with opened(map_file) as expunge:
        accounts = expunge.staff.accounts()
        told = [_account(each, expunge) for each in accounts]
    if as_json:
        output.write_json("staff/1", {"accounts": told})
        return
    from rich.table import Table

    table = Table("label", "account", "stands", "functions", "may now", "passkeys", "seen")
    for said in told:
        stands = f"{said['standing']}, awaits confirm-key" if said["awaits_key"] else said["standing"]
        lists = (", ".join(said["functions"]), ", ".join(said["rights"]) or "-", "\n".join(said["keys"]) or "-")
        table.add_row(said["label"], said["account"], stands, *lists, said["seen"] or "-")
    output.stdout().print(table) if accounts else output.say("no account of staff was made")


@app.command("first-link")
def first_link(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Make the link with which the first administrator enrols. It takes the place of the one before, and works for 72 hours, once."""
    with opened(map_file) as expunge:
        made = expunge.staff.invite_first()
        link = expunge.staff.link(made.secret)
    _tell_link("first-administrator", made, link, as_json=as_json)


@app.command()
def invite(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="The desk or the duty, no person: night-desk-2.", show_default=False)],
    function: Function,
    user: Annotated[
        str, typer.Option(help="The person's account of this machine's operating system, if there is one.", show_default=False)
    ] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Make an account and show the secret of its link, once. It works for 72 hours, once.

    With --user neither account decides about the other: the person who works at this command line confirms no right of their own.
    """
    from expunge.core.accounts.staff_acts import InviteStaff

    with opened(map_file) as expunge:
        made = expunge.staff.decide(InviteStaff(label, read_function(function), user))
        link = expunge.staff.link(made.secret)
    _tell_link(label, made, link, as_json=as_json)


@app.command("confirm-key")
def confirm_key(
    which: Account,
    fingerprint: Annotated[
        list[str], typer.Argument(metavar="FINGERPRINT...", help="As the person reads it to you; one for each passkey.", show_default=False)
    ],
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Confirm the passkey that a person enrolled with a link: until then the account has no right.

    The person reads the fingerprint to you, from the page, where you can hear who it is. Do not read it to the person from `expunge staff
    list`, and do not take it from a mail: the link may have been used by another one.
    """
    from expunge.core.accounts.fingerprints import read_fingerprint
    from expunge.core.accounts.staff_acts import ConfirmKeys

    read = tuple(map(read_fingerprint, fingerprint))
    if not all(read):
        raise UsageError("that is no fingerprint of a passkey", help="it has four groups of four letters and digits: k3qd-7h2m-xw5a-p4ty")
    with opened(map_file) as expunge:
        _decided(expunge, which, ConfirmKeys(expunge.staff.named(which), read), as_json=as_json)


@app.command()
def withdraw(which: Account, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Have a link that was not used open nothing any more."""
    from expunge.core.accounts.staff_acts import WithdrawInvitation

    with opened(map_file) as expunge:
        _decided(expunge, which, WithdrawInvitation(expunge.staff.named(which)), as_json=as_json)


@app.command()
def grant(
    which: Account,
    function: Function,
    right: Rights = None,
    reason: Reason = "needed",
    reference: Reference = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Grant the rights of a job function, or some of them."""
    from expunge.core.accounts.staff import RIGHTS
    from expunge.core.accounts.staff_acts import GrantRights

    with opened(map_file) as expunge:
        account, now = _found(expunge, which), expunge.context.clock.now()
        wanted = read_function(function)
        rights = read_rights(right) or tuple(sorted(RIGHTS[wanted] - account.held_against(wanted, now))) or tuple(RIGHTS[wanted])
        _decided(expunge, which, GrantRights(account.id, wanted, rights, read_reason(reason), reference), as_json=as_json)


@app.command()
def revoke(
    which: Account,
    reason: Reason,
    function: Function,
    right: Rights = None,
    reference: Reference = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Take the rights of a job function away, or some of them. Open pages stop within a second."""
    from expunge.core.accounts.staff_acts import RevokeRights

    with opened(map_file) as expunge:
        account, wanted = _found(expunge, which), read_function(function)
        has = tuple(sorted(held for of, held in account.grants if of is wanted))
        rights = read_rights(right) or has
        _decided(expunge, which, RevokeRights(account.id, wanted, rights, read_reason(reason), reference), as_json=as_json)


@app.command()
def suspend(which: Account, reason: Reason, reference: Reference = "", map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Have an account do nothing until it is restored. Its rights stay, and lapse at their dates."""
    from expunge.core.accounts.staff_acts import SuspendStaff

    with opened(map_file) as expunge:
        act = SuspendStaff(expunge.staff.named(which), read_reason(reason), reference)
        _decided(expunge, which, act, as_json=as_json)


@app.command()
def restore(
    which: Account, reason: Reason = "back", reference: Reference = "", map_file: options.Map = None, as_json: options.Json = False
) -> None:
    """Restore an account that was suspended, or was not seen for 90 days."""
    from expunge.core.accounts.staff_acts import RestoreStaff

    with opened(map_file) as expunge:
        act = RestoreStaff(expunge.staff.named(which), read_reason(reason), reference)
        _decided(expunge, which, act, as_json=as_json)


@app.command()
def review(
    open_only: Annotated[bool, typer.Option("--open", help="Only rights that lapse soon, have lapsed, or await a person.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show every right with its last use and the day on which it lapses, and the decisions of twelve months.

    Each right is confirmed every twelve months, by another person than its holder: `expunge staff confirm`. What is not confirmed lapses.
    """
    with opened(map_file) as expunge:
        found = expunge.staff.review()
        awaiting = [_account(each, expunge) for each in expunge.staff.accounts() if each.awaits_key]
    rights = [each for each in found.rights if not open_only or each.open]
    if as_json:
        decisions = [_decision(each) for each in found.decisions]
        said = {"at": found.at, "rights": [_reviewed(each) for each in rights], "decisions": decisions}
        output.write_json("staff-review/1", {**said, "awaiting_keys": [{name: each[name] for name in _OF_KEYS} for each in awaiting]})
        return
    _tell_review(found, rights)
    for each in awaiting:
        keys = ", ".join(each["keys"]) or "none yet"
        output.say(f"{output.visible(each['label'])} does nothing before its passkey is confirmed, by confirm-key: {keys}")


@app.command()
def confirm(
    which: Account,
    function: Function,
    keep: Annotated[list[str] | None, typer.Option(help="A right that is still needed, or `all`; repeatable.", show_default=False)] = None,
    revoke_: Annotated[list[str] | None, typer.Option("--revoke", help="A right that is not; repeatable.", show_default=False)] = None,
    reason: Reason = "needed",
    reference: Reference = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Hold the rights of an account against its job function: each is kept for twelve months, or revoked."""
    from expunge.core.accounts.staff_acts import ConfirmRights

    with opened(map_file) as expunge:
        account, now = _found(expunge, which), expunge.context.clock.now()
        wanted, revoked = read_function(function), read_rights(revoke_)
        every = keep == ["all"]
        kept = tuple(sorted(account.held_against(wanted, now) - set(revoked))) if every else read_rights(keep)
        _decided(expunge, which, ConfirmRights(account.id, wanted, kept, revoked, read_reason(reason), reference), as_json=as_json)


@app.command()
def equivalence(
    which: Account,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The written explanation; its hash is kept.", exists=True, show_default=False)
    ] = None,
    method: Annotated[str, typer.Option(help="totp, certificate or provider.", show_default=False)] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="The day on which it ends, within twelve months.", show_default=False)] = "",
    reference: Annotated[str, typer.Option(help="The key of the document: SEC-17.", show_default=False)] = "",
    signature: Annotated[str, typer.Option(help="Base64 of the Ed25519 signature over the message.", show_default=False)] = "",
    key: Annotated[
        Path | None, typer.Option(help="PEM file of the private key to sign with here.", exists=True, show_default=False)
    ] = None,
    message: Annotated[bool, typer.Option("--message", help="Only print what the programme head signs.")] = False,
    end: Annotated[bool, typer.Option("--end", help="End the equivalence that holds.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that another way to log in is as good as a second factor that cannot be phished, signed by the programme head.

    The signer is the approver `programme-head` of the map. --message prints the text to sign, --signature or --key enters it.
    """
    from expunge.cli.duties.reviews import moment
    from expunge.cli.orders.plan_commands import signed
    from expunge.core.accounts.staff_acts import EndEquivalence
    from expunge.core.accounts.staff_events import AccessMethod

    with opened(map_file) as expunge:
        if end:
            _decided(expunge, which, EndEquivalence(expunge.staff.named(which)), as_json=as_json)
            return
        if file is None or not method or not until:
            raise UsageError("an equivalence needs its explanation, a method and an end", help="FILE --method totp --until 2027-01-31")
        new = expunge.staff.equivalence(which, _word(AccessMethod, method), file.read_bytes(), reference, moment(until))
        if message:
            text = new.message.decode()
            output.write_json("staff-equivalence-message/1", {"message": text}) if as_json else typer.echo(text, nl=False)
            return
        entered = expunge.staff.record_equivalence(new, signed("programme-head", signature, key, new.message))
    if as_json:
        said = {"account": entered.account, "method": entered.method, "sha256": entered.digest}
        output.write_json("staff-equivalence/1", {**said, "reference": entered.reference, "until": entered.until})
    else:
        output.say(f"{which}: {entered.method.value} counts until {output.moment(entered.until)}")


@app.command()
def train(
    which: Account,
    purpose: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="ROLE",
            help="A purpose of review, or 'deletion of data'; the yearly training about recordings without it.",
            show_default=False,
        ),
    ] = "",
    on: Annotated[str, typer.Option(metavar="DATE", help="The day on which it was done; today without it.", show_default=False)] = "",
    document: Annotated[
        Path | None, typer.Option(help="The certificate: its SHA-256 is kept.", exists=True, dir_okay=False, show_default=False)
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that the holder of an account was trained: about recordings, to review for one purpose, or about the deletion of data.

    It is a record of the ledger.
    """
    from expunge.core.journal.review_words import ReviewPurpose
    from expunge.core.review.statements import ACCESS_ROLE, DELETION_ROLE, purpose_role

    with opened(map_file, recover=True) as expunge:
        about = purpose or ACCESS_ROLE
        if about not in (ACCESS_ROLE, DELETION_ROLE):
            about = purpose_role(_word(ReviewPurpose, purpose))
        entered = expunge.reviewers.train(which, about, _day(on, expunge), _digest(document))
    _tell_record(which, entered, as_json=as_json)


@app.command()
def attest(
    which: Account,
    purpose: Annotated[str, typer.Option("--for", metavar="PURPOSE", help="The purpose of review.", show_default=False)],
    on: Annotated[str, typer.Option(metavar="DATE", help="The day on which it was signed; today without it.", show_default=False)] = "",
    document: Annotated[
        Path | None, typer.Option(help="The signed paper: its SHA-256 is kept.", exists=True, dir_okay=False, show_default=False)
    ] = None,
    text: Annotated[bool, typer.Option("--text", help="Only print the statement that the reviewer signs.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Enter that a reviewer signed to see recordings for one purpose alone. It lapses as the map says."""
    from expunge.core.journal.review_words import ReviewPurpose
    from expunge.core.review.statements import statement

    about = _word(ReviewPurpose, purpose)
    if text:
        typer.echo(statement(about), nl=False)
        return
    if document is None:
        raise UsageError("a statement of purpose is nothing without the signed paper", help="--text prints it, --document enters it")
    with opened(map_file, recover=True) as expunge:
        entered = expunge.reviewers.attest(which, about, _day(on, expunge), _digest(document))
    _tell_record(which, entered, as_json=as_json)


@app.command()
def training(
    open_only: Annotated[bool, typer.Option("--open", help="Only what is due, has lapsed, or is missing.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show trainings and statements of purpose by account: current, due within 30 days, lapsed or missing.

    Without a current one the account asks for, approves and sees no recording, and carries out no order: no person has to suspend it.
    """
    with opened(map_file) as expunge:
        found = [each for each in expunge.reviewers.overview() if not open_only or each.open]
    if as_json:
        output.write_json("staff-training/1", {"records": [_training(each) for each in found]})
        return
    from rich.table import Table

    table = Table("label", "what", "for", "done", "lapses", "stands")
    for each in found:
        purpose = each.purpose.value if each.purpose else each.role
        days = (day.isoformat() if day else "-" for day in (each.on, each.lapses))
        style = "bold red" if each.open else ""
        table.add_row(each.label, each.kind.value, purpose, *days, each.standing.value, style=style)
    output.stdout().print(table) if found else output.say("no account needs a training or a statement")


def _training(each: RecordedDuty) -> dict[str, Any]:
    return {
        "account": each.account,
        "label": each.label,
        "kind": each.kind.value,
        "purpose": each.purpose.value if each.purpose else None,
        "role": each.role,
        "on": each.on.isoformat() if each.on else None,
        "lapses": each.lapses.isoformat() if each.lapses else None,
        "standing": each.standing.value,
        "needed": each.needed,
    }


def _tell_record(which: str, entered: LedgerEntry, *, as_json: bool) -> None:
    if as_json:
        record = entered.record
        output.write_json(
            "staff-record/1", {"record": record.id, "kind": record.kind.value, "role": record.role, "on": record.on.isoformat()}
        )
    else:
        output.say(f"{output.visible(which)}: {entered.record.kind.value}, {entered.record.role}: {entered.record.id}")


def _day(text: str, expunge: Expunge) -> date:
    from datetime import UTC, date

    if not text:
        return expunge.context.clock.now().astimezone(UTC).date()
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{output.visible(text)!r} is no day"
        raise UsageError(message, help="--on 2026-01-31") from error


def _digest(document: Path | None) -> str:
    from hashlib import sha256

    return sha256(document.read_bytes()).hexdigest() if document else ""


def read_function(word: str) -> JobFunction:
    """Return the job function of that name. Raises UsageError."""
    from expunge.core.accounts.staff import JobFunction

    return _word(JobFunction, word)


def read_rights(words: Sequence[str] | None) -> tuple[StaffRight, ...]:
    """Return the rights of these names. Raises UsageError."""
    from expunge.core.accounts.staff import StaffRight

    return tuple(_word(StaffRight, each) for each in words or ())


def read_reason(word: str) -> StaffReason:
    """Return the reason of that name. Raises UsageError."""
    from expunge.core.accounts.staff_events import StaffReason

    return _word(StaffReason, word)


def _word(kind: type[Word], word: str) -> Word:
    try:
        return kind(word)
    except ValueError as error:
        message = f"{output.visible(word)!r} is not known here"
        raise UsageError(message, help=f"choose one of: {', '.join(str(each.value) for each in kind)}") from error


def _found(expunge: Expunge, which: str) -> StaffAccount:
    name = expunge.staff.named(which)
    return next(each for each in expunge.staff.accounts() if each.id == name)


def _decided(expunge: Expunge, which: str, act: StaffAct, *, as_json: bool) -> None:
    """Enter a decision, and show how the account stands after it."""
    made = expunge.staff.decide(act)
    said = _account(_found(expunge, made.account), expunge)
    if as_json:
        output.write_json("staff-account/1", said)
    else:
        may = ", ".join(said["rights"]) or "nothing now"
        output.say(f"{output.visible(which)}: {said['standing']}; may {may}")


def _tell_link(label: str, made: StaffActed, link: str, *, as_json: bool) -> None:
    if as_json:
        said = {"account": made.account, "label": label, "secret": made.secret, "link": link or None}
        output.write_json("staff-invited/1", said)
        return
    typer.echo(link or made.secret)
    what = "link" if link else "secret"
    once = "it is not shown again and works once within 72 hours"
    output.note(f"{label} is invited as {made.account}; hand the {what} over in person, {once}")


def _account(account: StaffAccount, expunge: Expunge) -> dict[str, Any]:
    now = expunge.context.clock.now()
    found = account.equivalent(now)
    equivalent = {"method": found.method, "reference": found.reference, "until": found.until} if found else None
    functions = {function.value for function, _ in account.grants} or {account.invited.function.value}
    return {
        "account": account.id,
        "label": account.label,
        "user": account.user or None,
        "standing": account.standing(now).value,
        "functions": sorted(functions),
        "rights": sorted(each.value for each in account.rights(now)),
        "invited_by": _by(account.invited.by),
        "enrolled": account.enrolled,
        "seen": account.seen.isoformat() if account.seen else None,
        "unseen_days": None if account.enrolled is None else account.unseen(now),
        "equivalence": equivalent,
        "awaits_key": account.awaits_key,
        "keys": sorted(expunge.staff.fingerprints(account.id)),
    }


def _by(actor: StaffActor | None) -> str:
    """``account ID`` or ``user NAME at the machine``."""
    account = getattr(actor, "account", None)
    return f"account {account}" if account is not None else f"user {getattr(actor, 'name', '')} at the machine"


def _reviewed(each: ReviewedRight) -> dict[str, Any]:
    grant = each.grant
    return {
        "account": each.account,
        "label": each.label,
        "standing": each.standing.value,
        "function": grant.function.value,
        "right": grant.right.value,
        "holds": each.holds.value,
        "since": grant.since,
        "by": _by(grant.by),
        "confirmed": grant.confirmed,
        "confirmed_by": _by(grant.confirmed_by) if grant.confirmed_by else None,
        "due": grant.due,
        "soon": each.announced,
        "used": each.used.isoformat() if each.used else None,
        "unused": each.unused,
    }


def _decision(each: StaffDecision) -> dict[str, Any]:
    return {
        "at": each.at,
        "account": each.account,
        "label": each.label,
        "what": each.what,
        "function": each.function,
        "rights": list(each.rights),
        "by": _by(each.by),
        "reason": each.reason,
        "reference": each.reference or None,
    }


def _tell_review(found: StaffReview, rights: list[ReviewedRight]) -> None:
    from rich.table import Table

    if not rights:
        output.say("no right of staff is open" if found.rights else "no account of staff has a right")
    else:
        table = Table("label", "as", "right", "stands", "lapses", "used")
        for each in rights:
            used = each.used.isoformat() if each.used else "never"
            said = f"{used}, not for 90 days" if each.unused else used
            style = "bold red" if each.open else ""
            table.add_row(
                each.label,
                each.grant.function.value,
                each.grant.right.value,
                each.holds.value,
                output.moment(each.grant.due),
                said,
                style=style,
            )
        output.stdout().print(table)
    for decision in found.decisions:
        what = f"{decision.what} {', '.join(decision.rights)} as {decision.function}: {decision.reason} {decision.reference}".rstrip()
        output.say(f"{output.moment(decision.at)}  {decision.label}: {what}, by {output.visible(_by(decision.by))}")
