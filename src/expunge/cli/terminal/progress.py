"""Progress of a long run: a bar for people, lines where no terminal is attached, JSON lines for programs."""

from __future__ import annotations

import sys
from importlib.metadata import version
from types import TracebackType
from typing import TYPE_CHECKING, Self

from expunge.cli.terminal import output

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from expunge.engine.kernel.context import Progress


class ProgressReporter:
    """A reporter for the engine and the context in which it reports.

    JSON lines begin with ``expunge.run/1``, which names the version; each further line is ``expunge.progress/1`` until the result.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._json = output.json_wanted()
        self._bar: Bar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        if self._json:
            output.write_json("run/1", {"what": self._what, "version": version("expunge")})
        elif sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, frames: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, progress: Progress) -> None:
        """Report one thing that began or ended."""
        if self._json:
            fields = {"step": progress.step, "state": progress.state, "done": progress.done, "total": progress.total}
            fields |= {"share": round(progress.share, 3)} if progress.state == "going" else {}
            output.write_json("progress/1", {**fields, "seconds": round(progress.seconds, 3)})
        elif self._bar is not None and self._task is not None:
            share = f" {progress.share:.0%}" if progress.state == "going" else ""
            self._bar.update(self._task, description=f"{progress.step}{share}", completed=progress.done, total=progress.total)
        elif progress.state == "going":
            output.note(f"{progress.step}: {progress.share:.0%}")
        elif progress.state != "start":
            output.note(f"{progress.step}: {progress.state} ({progress.done} of {progress.total}, {progress.seconds:.1f} s)")


def _bar() -> Bar:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Bar(*columns, console=output.stderr(), transient=True)
