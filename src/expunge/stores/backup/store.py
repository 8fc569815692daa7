"""Report the backups of another store. Nothing is erased in them.

Each receipt says how many backups hold the erased data, and until when.

``{kind: backup, url: ./backups, of: app, format: pg_dump, every: 1 day, keep: 30 days}``. Each entry of the folder is one backup. Its time
of making is read from the backup itself where its format states it (``pg_dump`` custom and directory), else from a date in its name, else
from its time of change. A folder that cannot be seen from here still has a schedule. Then the last backup with the subject in it is assumed
to be made right before the erasure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from expunge import clock
from expunge.core.datamap.datamap import Dataset, Ignore, StoreSpec
from expunge.core.datamap.grounding import Capabilities, Grounding, Retained
from expunge.core.retention.age_histogram import Ages, AgeSpan
from expunge.core.values.copy import Copy, Cost, Finding, FindingKind, Item, Probed, RawSource, Selector
from expunge.core.values.ids import IdempotencyKey
from expunge.core.values.outcome import Absent, Outcome, Outcomes, Unable
from expunge.core.values.periods import parse_span
from expunge.ports.optional.surroundings import Near, NearAside
from expunge.ports.scanner import Tracer

_DATE = re.compile(r"(?<!\d)(20\d\d)-?([01]\d)-?([0-3]\d)(?:[T_-]?([0-2]\d)[:-]?([0-5]\d)(?:[:-]?([0-5]\d))?)?(?!\d)")
_CUSTOM = b"PGDMP"
_HEADER = 50

NOTHING_YET = Retained("no backup was made yet", datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1))
"""Marks a store that retains, and holds nothing now."""


class Backup:
    """A folder of backups with a declared schedule."""

    def __init__(self, spec: StoreSpec, datasets: tuple[Dataset, ...]) -> None:  # noqa: ARG002 - the kind holds none
        """Take the declaration. Backups hold no datasets of their own."""
        self._spec = spec
        self._folder = Path(spec.url)
        self._of, self._format = str(spec.options["of"]), str(spec.options["format"])
        self._every, self._keep = parse_span(str(spec.options["every"])), parse_span(str(spec.options["keep"]))

    @property
    def capabilities(self) -> Capabilities:
        """Nothing can be erased here. ``retains`` says which backups hold erased data, and until when."""
        backups = [self._retained(path) for path in self._backups()]
        if not self._folder.is_dir():
            ground = f"backups of {self._of} ({self._schedule()}); they cannot be seen from here"
            backups = [Retained(ground, None, self._keep)]
        # An empty folder retains nothing: the entry is there all the same, with a date that is over.
        retains = tuple(backups) or (NOTHING_YET,)
        left = f"what was gone from {self._of} before the order may lie in backups of it until those end ({self._schedule()})"
        return Capabilities(Grounding.NONE, retains=retains, out_of_scope=(left,))

    def surroundings(self) -> Iterator[Near]:
        """Yield nothing to look at: what backups hold is what their store held."""
        yield NearAside(f"the backups of {self._of}", "they hold what their store held, and end by their schedule")

    def _schedule(self) -> str:
        return f"{self._format}, every {_words(self._every)}, kept {_words(self._keep)}"

    def _ground(self) -> str:
        return f"backups of {self._of} ({self._schedule()})"

    def _retained(self, path: Path) -> Retained:
        earliest, latest = made_between(path)
        if latest + self._keep <= clock.now():
            return Retained(f"backups of {self._of} that have outlived their schedule, until somebody removes them", earliest, None)
        return Retained(self._ground(), earliest, latest - earliest + self._keep)

    def _backups(self) -> list[Path]:
        """Entries of the folder, hidden ones left out."""
        try:
            return sorted(path for path in self._folder.iterdir() if not path.name.startswith("."))
        except OSError:
            return []

    def check(self, ignored: Sequence[Ignore]) -> Iterator[Finding]:  # noqa: ARG002 - whatever lies there is a backup
        """Missing folder, backups that have outlived their schedule, a schedule that is not kept."""
        name, where = self._spec.name, str(self._folder)
        if not self._folder.is_dir():
            yield Finding(FindingKind.MISSING, name, where, "the folder of backups cannot be seen from here", "correct `url:`, or mount it")
            return
        now = clock.now()
        made = [made_between(path)[1] for path in self._backups()]
        late = sum(1 for each in made if each + self._keep <= now)
        if late:
            yield Finding(FindingKind.NOTE, name, where, f"{late} backups have outlived their schedule", "remove them, or correct `keep:`")
        if made and max(made) + 2 * self._every < now:
            what = "the newest backup is older than the schedule says"
            yield Finding(FindingKind.NOTE, name, where, what, "correct `every:`, or look why")

    def locate(self, dataset: Dataset, selectors: Sequence[Selector]) -> Iterator[Copy]:  # noqa: ARG002 - no datasets
        """Nothing."""
        return iter(())

    def bystanders(self, dataset: Dataset, erased: Sequence[Copy], limit: int | None) -> Iterator[Copy]:  # noqa: ARG002 - no datasets
        """Yield nothing: a backup has no datasets."""
        return iter(())

    def export(self, dataset: Dataset, copy: Copy) -> Iterator[Item]:  # noqa: ARG002 - no datasets
        """Nothing."""
        return iter(())

    def trace(self, dataset: Dataset, copies: Sequence[Copy], tracer: Tracer) -> None:
        """Nothing."""

    def ages(self, dataset: Dataset, field: str, edges: Sequence[datetime]) -> Ages:  # noqa: ARG002 - no datasets
        """Nothing."""
        return Ages.none(edges)

    def spans(self, dataset: Dataset, by: str, field: str) -> Iterator[AgeSpan]:  # noqa: ARG002 - no datasets
        """Yield nothing: a backup has no datasets."""
        return iter(())

    def preflight(self, dataset: Dataset, copies: Sequence[Copy], kept: Sequence[Copy] = ()) -> tuple[Unable, ...]:  # noqa: ARG002
        """Nothing is foreseen, because nothing is done."""
        return ()

    def cost(self, copies: Mapping[str, Sequence[Copy]]) -> Cost:  # noqa: ARG002 - nothing is read or written
        """None."""
        return Cost()

    def erase(self, dataset: Dataset, copies: Sequence[Copy], key: IdempotencyKey) -> Outcomes:  # noqa: ARG002 - no datasets
        """Return Absent for each subject: a backup holds nothing that can be erased by itself."""
        return {copy.subject: Absent() for copy in copies}

    def purge(self, datasets: Sequence[Dataset], key: IdempotencyKey) -> Outcome:  # noqa: ARG002 - schedules end backups
        """Nothing."""
        return Absent()

    def probe(self, dataset: Dataset, copies: Sequence[Copy]) -> Iterator[Probed]:  # noqa: ARG002 - no datasets
        """Nothing."""
        return iter(())

    def raw(self) -> Iterator[RawSource]:
        """Yield nothing: the content of a backup is reported by ``retains``, not scanned."""
        return iter(())

    def close(self) -> None:
        """Nothing is open."""


def made_between(path: Path) -> tuple[datetime, datetime]:
    """(earliest, latest) instant at which a backup can have been made.

    By its own header, else a date in its name (read as UTC), else its time of change, which is right only where copying kept it.
    """
    header = path / "toc.dat" if path.is_dir() else path
    try:
        with header.open("rb") as file:
            stamped = pg_dump_date(file.read(64))
    except OSError:
        stamped = None
    if stamped is not None:
        # The header holds local time and not whose: the Earth's clocks are from 14 hours ahead of UTC to 12 behind it.
        return stamped - timedelta(hours=14), stamped + timedelta(hours=12)
    changed = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    named = _DATE.search(path.name)
    if named:
        try:
            earliest, latest = _named(named)
        except ValueError:
            pass  # 2026-99-99 is no date but a number
        else:
            # A name may say when it is to be removed; nothing was made after it was last written.
            return min(earliest, changed), latest
    return changed, changed


def _named(found: re.Match[str]) -> tuple[datetime, datetime]:
    year, month, day = (int(group) for group in found.groups()[:3])
    if found[4] is None:
        start = datetime(year, month, day, tzinfo=UTC)
        return start, start + timedelta(days=1)
    start = datetime(year, month, day, int(found[4]), int(found[5]), int(found[6] or 0), tzinfo=UTC)
    return start, start + timedelta(seconds=1 if found[6] else 60)


def pg_dump_date(head: bytes) -> datetime | None:
    """The time of creation in the header of a custom or directory dump, as if it were UTC; None for anything else.

    The header (PostgreSQL's ``pg_backup_archiver.c``, ReadHead): magic, three bytes of version, sizes of int and of offset, format,
    compression (from 1.15 on one byte, an int before), then second, minute, hour, day, month and year - 1900 as ints of a sign byte and
    little-endian bytes.
    """
    if not head.startswith(_CUSTOM) or len(head) < _HEADER:
        return None
    major, minor, _, size = head[5:9]
    at = 11 + (1 if (major, minor) >= (1, 15) else size + 1)
    numbers = []
    for _ in range(6):
        number = int.from_bytes(head[at + 1 : at + 1 + size], "little")
        numbers.append(-number if head[at] else number)
        at += size + 1
    second, minute, hour, day, month, year = numbers
    try:
        return datetime(year + 1900, month + 1, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None


def _words(span: timedelta) -> str:
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count, rest = divmod(int(span.total_seconds()), seconds)
        if not rest:
            return f"{count} {unit}" + ("" if count == 1 else "s")
    return f"{int(span.total_seconds())} seconds"
