"""``expunge init`` and ``expunge doctor``: make an installation, and check its health."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from expunge import clock
from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import PASSPHRASE, ask_secret, opened
from expunge.errors import EvidenceInvalid, ExpungeError, StateCorrupt, UsageError

if TYPE_CHECKING:
    from expunge.bootstrap import Expunge

MAP_NAME = "expunge.yaml"
LOW_DISK = 512 * 2**20


def init(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]...",
            help="Folders, SQLite files, postgresql:// and s3:// addresses to propose one first map for.",
            show_default=False,
        ),
    ] = None,
    ask_passphrase: Annotated[bool, typer.Option(help="Protect the keystore with a passphrase asked for now.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Propose one first map for all TARGETs; or, without any, make keys, journal and log for the map that is there.

    With a proposal come lines for `opaque:` to paste, for what nobody can read.
    """
    if targets:
        _propose(targets, map_file or Path(MAP_NAME), as_json=as_json)
        return
    from expunge.bootstrap import Expunge

    state = Expunge.init(map_file, passphrase=_passphrase(ask=ask_passphrase))
    if as_json:
        output.write_json("init/1", {"state": state})
        return
    output.say(f"made {output.visible(str(state))}")
    output.note("back up its keys/ apart from the stores, and publish `expunge log policy` where nobody can change it unseen")


def doctor(
    accept_rollback: Annotated[
        str,
        typer.Option(metavar="NAME", help="Go on with a state that was put back from an older copy: who decides so.", show_default=False),
    ] = "",
    reason: Annotated[str, typer.Option(help="Why, with --accept-rollback. It is journalled.", show_default=False)] = "",
    since: Annotated[
        list[Path] | None,
        typer.Option(
            help="A checkpoint or receipt.tlog-proof kept elsewhere, which the log must still contain; again for more.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """See whether the installation is well: rights, disk, keys, journal, log, stores, orders that wait. Exit code 1 when it is not.

    A state folder that was put back from an older copy is named, with the orders that it forgot. Nothing is carried out until the right
    one is there, or a person has decided with --accept-rollback.
    """
    if accept_rollback or reason:
        _accept(map_file, accept_rollback, reason, as_json=as_json)
        return
    found = list(_examined(map_file, since or ()))
    if as_json:
        output.write_json("doctor/1", {"well": all(each.well for each in found), "checks": [each._asdict() for each in found]})
    else:
        for each in found:
            output.say(f"{'ok  ' if each.well else 'NOT '} {each.what}: {output.visible(each.detail)}")
    if not all(each.well for each in found):
        raise typer.Exit(1)


class DoctorCheck(NamedTuple):
    """One check of the installation."""

    what: str
    well: bool
    detail: str


def _accept(map_file: Path | None, by: str, reason: str, *, as_json: bool) -> None:
    with opened(map_file) as expunge:
        accepted = expunge.accept_rollback(by, reason)
    if as_json:
        entries = len(accepted.gate_entries)
        output.write_json(
            "rollback-accepted/1", {"by": by, "reason": reason, "orders": accepted.orders, "refused": entries, "at": accepted.at}
        )
        return
    output.say(f"journalled: {output.visible(by)} goes on with this state: {output.visible(reason)}")
    for order in accepted.orders:
        output.say(f"receive again, for the same people: {order}")
    if accepted.gate_entries:
        output.note(f"{output.count(len(accepted.gate_entries), 'identity', 'identities')} that it has forgotten stay refused at the gate")


def _examined(map_file: Path | None, since: Sequence[Path]) -> Iterator[DoctorCheck]:
    yield DoctorCheck("python", sys.version_info >= (3, 11), sys.version.split()[0])
    try:
        with opened(map_file) as expunge:
            guesses = len(expunge.map.guesses)
            said = f": {output.count(guesses, 'open guess', 'open guesses')}, no order is planned: run expunge check" if guesses else ""
            yield DoctorCheck("map", not guesses, f"{expunge.map.source}{said}")
            yield from _state(expunge)
            yield from _one_moment(expunge)
            yield from _outside(expunge, since)
            yield from _work(expunge)
    except ExpungeError as error:
        yield DoctorCheck("installation", False, f"{error.message.splitlines()[0]}; {error.help}")


def _state(expunge: Expunge) -> Iterator[DoctorCheck]:
    mode = stat.S_IMODE(expunge.state.stat().st_mode)
    yield DoctorCheck("state folder", not mode & 0o077, f"{expunge.state} has mode {mode:04o}")
    free = shutil.disk_usage(expunge.state).free
    yield DoctorCheck("disk", free > LOW_DISK, f"{output.size(free)} free beside the state")
    behind = expunge.clock_behind
    yield DoctorCheck("clock", not behind, f"{behind[-1]} behind the journal" if behind else "not behind the journal")
    expunge.context.keys.pseudonym_key()
    yield DoctorCheck("keys", True, "there, and readable by this user alone")
    if expunge.rollback is None:
        head = expunge.context.log.head()
        yield DoctorCheck("log", True, f"{output.count(head.size, 'entry', 'entries')}, agrees with the journal")


def _one_moment(expunge: Expunge) -> Iterator[DoctorCheck]:
    """Tell whether journal, log, gate, shelf and keys come from one moment."""
    rollback = expunge.rollback
    if rollback is not None:
        yield DoctorCheck("one moment", False, f"{'; '.join(rollback.reasons)}; nothing is carried out")
        for order in rollback.orders:
            yield DoctorCheck("forgotten order", False, f"{order}: the journal does not know what became of it")
        yield DoctorCheck("what to do", False, rollback.help)
    compared = expunge.state_comparison()
    for order in compared.ended_elsewhere:
        yield DoctorCheck("forgotten end", False, f"{order}: its key was destroyed, and the journal does not say that it ended")
    behind = compared.gate_behind
    what = f"{output.count(behind, 'suppressed identity', 'suppressed identities')} missing: run `expunge gate publish`"
    yield DoctorCheck("gate", not behind, what if behind else "refuses every identity that the journal suppresses")
    lost = compared.without_key
    named = f"missing for {', '.join(lost)}: restore keys/orders from its backup, or cancel and receive them again"
    yield DoctorCheck("keys of orders", not lost, named if lost else "there for every unfinished order")
    if rollback is None and not compared.ended_elsewhere:
        yield DoctorCheck("one moment", True, "journal, log, gate, shelf and keys know the same orders")


def _outside(expunge: Expunge, since: Sequence[Path]) -> Iterator[DoctorCheck]:
    """Whether the log still holds what was kept elsewhere: all of a state folder from an older copy agrees with itself."""
    if not since:
        return
    from expunge import survey
    from expunge.cli.terminal.checkpoints import kept_heads, parsed_policy

    # Why without witnesses: what is asked is whether the state is of one moment, not whether others looked.
    now, policy = clock.now(), replace(parsed_policy(expunge.published_policy().encode()), quorum="none")
    try:
        known = [(each.head.size, each.head.root) for each in kept_heads(since, policy, now)]
        with survey.log_source(str(expunge.state / "log")) as source:
            audit = survey.audit(source, policy, known, now)
    except (EvidenceInvalid, StateCorrupt) as error:
        yield DoctorCheck(
            "kept elsewhere", False, f"the log lacks it: {error.message}; the whole state is an older copy, or the log another"
        )
        return
    yield DoctorCheck("kept elsewhere", True, f"the log contains {output.count(audit.known, 'earlier checkpoint')}")


def _work(expunge: Expunge) -> Iterator[DoctorCheck]:
    from expunge.core.values.copy import FindingKind
    from expunge.core.values.order import OrderState

    findings = [each for each in expunge.check() if each.kind is not FindingKind.NOTE]
    yield DoctorCheck("stores", not findings, output.count(len(findings), "finding") + (": run expunge check" if findings else ""))
    # Why here as well: `expunge check` opens no key, and so cannot look into a vault.
    for each in findings:
        if expunge.map.stores[each.store].kind == "vault":
            yield DoctorCheck(each.store, False, f"{output.visible(each.where)}: {output.visible(each.what)}; {output.visible(each.mend)}")
    runs = expunge.orders()
    held = {lease.name.partition("/")[0] for lease in expunge.leases()}
    running = [run.order for run in runs if run.state is OrderState.RUNNING and held.isdisjoint({run.order, *run.current.cohort})]
    waiting = sum(1 for run in runs if not run.final and run.state not in (OrderState.FULFILLED, OrderState.REOPENED, OrderState.CANCELLED))
    told = f"{output.count(len(runs), 'order')}, {waiting} not finished, none interrupted"
    yield DoctorCheck("orders", not running, f"interrupted: {', '.join(running)}" if running else told)


def _passphrase(*, ask: bool) -> str | None:
    if not ask:
        return os.environ.get(PASSPHRASE) or None
    if not sys.stdin.isatty():
        message = "there is no terminal to ask for a passphrase on"
        raise UsageError(message, help=f"set {PASSPHRASE} instead")
    answer = ask_secret("passphrase: ")
    if not answer or answer != ask_secret("once more: "):
        message = "the two passphrases are not the same, or empty"
        raise UsageError(message, help="run the same command again")
    return answer


def _propose(targets: Sequence[str], map_file: Path, *, as_json: bool) -> None:
    from expunge import survey

    if map_file.exists():
        message = f"there is a map already: {output.visible(str(map_file))}"
        raise UsageError(message, help="name another file with --map, or mend that one")
    text = survey.propose(targets, map_file)
    map_file.write_text(text, encoding="utf-8")
    unreadable = survey.unreadable(map_file)
    if as_json:
        output.write_json("proposal/1", {"map": map_file, "opaque": [each.mend.partition("  #")[0] for each in unreadable]})
    else:
        output.say(f"wrote {output.visible(str(map_file))}")
        if unreadable:
            output.say("nobody can read these; declare them, remove them, or paste, with a reason:")
            output.say("opaque:")
        for each in unreadable:
            output.say(f"  {output.visible(each.mend.partition('  #')[0])}  # {output.visible(each.what.partition(':')[0])}")
        output.note("read it, decide each `guess:` and take it out, run `expunge check`, then `expunge init` makes keys and state")
