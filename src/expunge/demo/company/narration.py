"""Tell the story on the terminal: chapters with their time, short paragraphs, tables. This module knows nothing of the story's content."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

_WIDTH = 116


def _console() -> Console:
    """As wide as the terminal, within reason; of one width where there is none."""
    console = Console(highlight=False)
    if not console.is_terminal or console.width > _WIDTH:
        console.width = _WIDTH
    return console


@dataclass
class Narrator:
    """A narrator that prints one line after another. Its input is text, never markup."""

    console: Console = field(default_factory=_console)
    began: float = field(default_factory=time.monotonic)
    chapters: list[tuple[str, float]] = field(default_factory=list)
    """Title and seconds of each chapter so far."""

    @contextmanager
    def chapter(self, title: str) -> Iterator[None]:
        """One chapter; its time is shown at its end."""
        number = len(self.chapters) + 1
        self.console.print()
        self.console.print(Rule(Text(f" {number}. {title} ", style="bold"), align="left", style="dim"))
        start = time.monotonic()
        self.chapters.append((title, 0.0))
        yield
        seconds = time.monotonic() - start
        self.chapters[-1] = (title, seconds)
        self.console.print(Text(f"{seconds:.1f} s", style="dim"), justify="right")

    def say(self, text: str) -> None:
        """A paragraph."""
        self.console.print(Text(text))

    def point(self, text: str, *, good: bool | None = None) -> None:
        """Print a line of a list; ``good`` marks it as hoped for, or as feared."""
        mark, style = {None: ("-", ""), True: ("✓", "green"), False: ("✗", "red")}[good]
        grid = Table.grid(padding=(0, 1))
        grid.add_row(Text(f"  {mark}", style=style), Text(text))
        self.console.print(grid)

    def quote(self, text: str) -> None:
        """Quote an answer."""
        self.console.print(Padding(Text(text, style="italic"), (0, 0, 0, 6)))

    def command(self, line: str) -> None:
        """Show a command line."""
        self.console.print(Text(f"  $ {line}", style="cyan"), soft_wrap=True)

    def address(self, link: str) -> None:
        """Show an address that a person opens, in one piece."""
        self.console.print(Text(f"      {link}", style="cyan"), soft_wrap=True)

    def table(self, title: str, heads: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 1) -> None:
        """A table; columns from ``numbers`` on are numbers. A row that starts with ``=`` is set apart as the sum."""
        table = Table(title=escape(title), title_justify="left", title_style="bold", header_style="bold")
        for place, head in enumerate(heads):
            table.add_column(escape(head), justify="right" if place >= numbers else "left")
        for row in rows:
            last = row[0].startswith("=")
            if last:
                table.add_section()
            table.add_row(*(escape(cell.removeprefix("=") if last else cell) for cell in row), style="bold" if last else None)
        self.console.print(table)

    def box(self, title: str, text: str) -> None:
        """Something to keep."""
        self.console.print(Panel(Text(text), title=escape(title), title_align="left", border_style="dim"))

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return time.monotonic() - self.began
