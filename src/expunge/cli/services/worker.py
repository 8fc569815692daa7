"""``expunge worker``: a process that carries out queued steps, beside any number of other workers."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.installation import opened

if TYPE_CHECKING:
    from expunge.engine.kernel.context import Progress


def worker(
    lease: Annotated[float, typer.Option(help="Seconds after which a killed worker's step is taken over by another.", min=1.0)] = 30.0,
    poll: Annotated[float, typer.Option(help="Seconds between two looks for what is due.", min=0.1)] = 5.0,
    until_idle: Annotated[bool, typer.Option("--until-idle", help="Stop when no order is queued or under way.")] = False,
    map_file: options.Map = None,
    as_json: options.Json = False,
) -> None:
    """Carry out queued orders, beside any number of other workers; needs `state: postgresql://...` in the map.

    Each step runs under a lease: a worker that is killed loses nothing, one that was paused cannot finish what another has taken over.
    SIGTERM ends it after the step that it is at.
    """
    stop = threading.Event()

    def asked(_: int, __: FrameType | None) -> None:
        stop.set()

    def told(progress: Progress) -> None:
        if as_json:
            output.write_json("progress/1", {"step": progress.step, "state": progress.state, "seconds": round(progress.seconds, 3)})
        elif progress.state != "start":
            output.say(f"{progress.step}: {progress.state}, {progress.seconds:.1f} s")

    before = {each: signal.signal(each, asked) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        with opened(map_file) as expunge:
            expunge.work(stop, poll=poll, lease_seconds=lease, until_idle=until_idle, report=told)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
