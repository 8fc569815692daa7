"""``expunge log watch``: a monitor that keeps the heads of a log and cries when the log of now does not continue them."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expunge import clock
from expunge.cli.terminal import options, output
from expunge.cli.terminal.checkpoints import kept_heads, parsed_policy
from expunge.cli.terminal.exit_codes import Exit
from expunge.cli.terminal.log_answers import cosigned, show_lines

if TYPE_CHECKING:
    from expunge.survey import LogLook


def watch(
    where: Annotated[str, typer.Argument(metavar="URL|DIR", help="The log's address or folder.")],
    trust: Annotated[Path, typer.Option(help="Keys, in the form of trust-policy.txt.", exists=True, dir_okay=False)],
    keep: Annotated[Path, typer.Option(help="The folder of this watch: heads that were seen; made at the first look.", file_okay=False)],
    since: Annotated[
        list[Path] | None,
        typer.Option(help="A head, proof or receipt's folder from before the watch began, to hold the log against as well.", exists=True),
    ] = None,
    every: Annotated[
        int | None, typer.Option(metavar="SECONDS", help="Look again and again; else once.", min=1, max=86_400, show_default=False)
    ] = None,
    times: Annotated[int | None, typer.Option(help="With --every: end after so many looks.", min=1, show_default=False)] = None,
    stale: Annotated[
        int | None,
        typer.Option(
            metavar="HOURS",
            help="Cry when the log has not answered, or no witness has cosigned it, for so long.",
            min=1,
            show_default=False,
        ),
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND", help="Run this at each cry; EXPUNGE_LOG_ALARM and EXPUNGE_LOG_MESSAGE say which.", show_default=False
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Look at a log from outside, keep its heads, read its new entries, and cry when it was forked, rolled back, robbed or is stale.

    Exit code 0 when all is well, 6 at a cry, at which the loop ends too, and 1 when the log does not answer (a loop goes on).
    """
    from expunge import survey

    policy = parsed_policy(trust.read_bytes())
    limit = timedelta(hours=stale) if stale else None
    for turn in range(times or (1 if every is None else 1 << 62)):
        if turn:
            time.sleep(every or 0)
        now = clock.now()
        kept = kept_heads(since or (), policy, now)
        with survey.log_source(where) as source:
            look = survey.watch_log(source, policy, keep, now, survey.WatchLimits(limit, kept=kept))
        _show(look, where, as_json=as_json)
        for alarm in look.alarms if run else ():
            why = survey.cry(run or "", where, alarm)
            if why:
                output.note(f"the command for alarms failed: {why}")
        if look.alarms:
            raise typer.Exit(Exit.BAD_EVIDENCE)
        if look.unreached and every is None:
            raise typer.Exit(Exit.FAILED)


def _show(look: LogLook, where: str, *, as_json: bool) -> None:
    if as_json:
        head = look.head
        output.write_json(
            "log-look/1",
            {
                "log": where,
                "origin": head.head.origin if head else None,
                "size": head.head.size if head else None,
                "root": head.head.root.hex() if head else None,
                **(cosigned(head) if head else {}),
                "first": look.first,
                "grown": look.grown,
                "audited": look.audited,
                "unreached": look.unreached,
                "alarms": [{"alarm": alarm.kind, "message": alarm.message} for alarm in look.alarms],
            },
        )
        return
    if look.head is not None:
        said = "nothing was kept before: this head is taken as it is" if look.first else f"{look.grown:,} more than at the last look"
        size = output.count(look.head.head.size, "entry", "entries")
        output.say(f"{output.visible(look.head.head.origin)}: {size}, {said}; {look.audited:,} of them read and checked")
        show_lines(look.head)
    if look.unreached:
        output.note(output.visible(look.unreached))
    for alarm in look.alarms:
        output.say(f"ALARM, {alarm.kind.value}: {output.visible(alarm.message)}")
