"""``expunge families``: which account of a customer is in which family, and who decided it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge
    from expunge.core.accounts.family_events import FamilyActor, MembershipDecided

app = typer.Typer(help="Memberships of families: guardians, subjects, and who decided it.", no_args_is_help=True)
Account = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id.", show_default=False)]
Person = Annotated[
    str,
    typer.Argument(
        metavar="PERSON",
        help="The child or subject: KIND:VALUE, or any name that `expunge order` takes; or a pseudonym.",
        show_default=False,
    ),
]
_PSEUDONYM = 32


@app.command("list")
def list_memberships(
    account: Annotated[str, typer.Option(help="Only those of this account.", show_default=False)] = "",
    person: Annotated[str, typer.Option(help="Only those in the family of this child or subject.", show_default=False)] = "",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Show the memberships: account, family, role, since when, and who decided it."""
    with opened(map_file) as expunge:
        family = _family(expunge, person) if person else ""
        found = [each for each in expunge.families.decisions() if account in ("", each.account) and family in ("", each.family)]
    if as_json:
        output.write_json("families/1", {"memberships": [_membership(each) for each in found]})
        return
    from rich.table import Table

    table = Table("account", "family", "role", "since", "decided by")
    for each in found:
        table.add_row(each.account, each.family, each.role.value, f"{each.at:%Y-%m-%d %H:%M}", _who(each.by))
    output.stdout().print(table) if found else output.say("no account is in a family")


@app.command()
def add(
    account: Account,
    person: Person,
    role: Annotated[str, typer.Option(help="guardian or self.", show_default=True)] = "guardian",
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Make an account guardian of a child, or the subject's own. Prove first, by a way of yours, that the person is that.

    The account's guardianship counts from the next ask on. No letter goes out: tell the family's other guardians.
    """
    from expunge.core.accounts.memberships import MembershipRole

    if role not in (MembershipRole.GUARDIAN, MembershipRole.SELF):
        message = f"{output.visible(role)} is no role"
        raise UsageError(message, help="guardian or self; `expunge families end` ends a membership")
    _decide(account, person, role, map_file, as_json=as_json)


@app.command()
def end(account: Account, person: Person, map_file: options.Map = None, as_json: options.Json = False) -> None:
    """End a membership. What the account has begun about the family stops at once, and it confirms nothing about it any more."""
    _decide(account, person, "former", map_file, as_json=as_json)


def _decide(account: str, person: str, role: str, map_file: Any, *, as_json: bool) -> None:
    from expunge.core.accounts.memberships import MembershipRole

    with opened(map_file) as expunge:
        decided = expunge.families.decide(account, _family(expunge, person), MembershipRole(role))
    if as_json:
        output.write_json("family-decision/1", {"changed": decided is not None, "membership": _membership(decided) if decided else None})
    elif decided is None:
        output.say("nothing changed: the account has that role already, or never had one that could end")
    else:
        output.say(f"{decided.account} is {'no longer in the family' if role == 'former' else f'{role} in the family'} {decided.family}")


def _family(expunge: Expunge, person: str) -> str:
    if len(person) == _PSEUDONYM and not set(person) - set("0123456789abcdef"):
        return person
    return expunge.families.family_of(person)


def _membership(decision: MembershipDecided) -> dict[str, Any]:
    return {
        "account": decision.account,
        "family": decision.family,
        "role": decision.role.value,
        "since": decision.at,
        "by": _who(decision.by),
    }


def _who(actor: FamilyActor) -> str:
    from expunge.core.accounts.family_events import ByConsent, ByHandOver, ByMajority, ByMember
    from expunge.core.accounts.staff_events import ByMachineUser

    match actor:
        case ByHandOver(issuer, key):
            return f"hand-over by {issuer}, key {key}"
        case ByMachineUser(name):
            return f"user {name}"
        case ByConsent(request):
            return f"consent request {request}"
        case ByMember():
            return "the account itself, which gave the role up"
        case ByMajority():
            return "the day from which the person decides alone"
        case _:
            return "its owner, who closed the account"
