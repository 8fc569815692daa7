"""An installation's offers to pipelines and their programs: tokens, and an intake for lineage that opens without any key."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.host.clocks import MonotonicClock, SystemClock
from expunge.adapters.host.gc_tuning import RelaxedCollector
from expunge.bootstrap.open_state import latest, open_state, read_installed
from expunge.bootstrap.state_folder import require_keys
from expunge.core.datamap.datamap import DataMap
from expunge.core.journal.access_tokens import Token, TokenRefused, TokenScope, admit
from expunge.core.lineage.lineage_merge import MergedEdge, sighted
from expunge.core.lineage.observations import Observation, ObservedLineage
from expunge.core.lineage.undeclared_lineage import UndeclaredLineage
from expunge.core.values.copy import Finding, FindingKind
from expunge.engine.consent import disclosure_texts
from expunge.engine.kernel.journal_streams import LINEAGE, TOKENS
from expunge.engine.lineage import observed_lineage
from expunge.engine.lineage.observed_lineage import Intake
from expunge.engine.reports import token_register
from expunge.errors import Misconfigured, StateUnavailable
from expunge.ports.clock import Clock
from expunge.ports.sender_door import IntakeResult

SHORT = 1.0
"""Seconds for which what is known of tokens may be old: a revoked one opens the door no longer than that."""


class LineageDoor:
    """Takes lineage in and checks the senders' tokens. A context manager.

    It has the journal and no key. An attacker who takes over its server can read no identifier and sign nothing.
    """

    def __init__(self, data_map: DataMap, journal: DjangoJournal, clock: Clock) -> None:
        """Composed by :meth:`open`."""
        self.map = data_map
        self._journal = journal
        self._clock = clock
        self._intake = Intake(journal, clock)
        self._guard = threading.Lock()
        self._tokens: dict[str, Token] = {}
        self._length = 0
        self._looked = -SHORT
        self._collecting = RelaxedCollector()

    @classmethod
    def open(cls, map_path: Path | str | None = None) -> Self:
        """Open the state of a map. Raises as :meth:`expunge.bootstrap.Expunge.open`, but for errors about keys."""
        data_map = read_installed(map_path)
        require_keys(Path(data_map.state))
        journal = open_state(data_map).journal
        try:
            return cls(data_map, journal, MonotonicClock(SystemClock(), latest(journal), _unsaid))
        except BaseException:
            journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database, in every thread that used it; safe to call twice."""
        self._journal.close()
        self._collecting.end()

    def stay(self) -> None:
        """Keep the calling thread's connection until :meth:`close`: for a server's threads, which ask again and again."""
        self._journal.stay()

    def admit(self, header: str, scope: TokenScope) -> Token | TokenRefused:
        """Return the token when an ``Authorization`` header may do what ``scope`` names, else the refusal. Raises StateUnavailable."""
        answer = admit(self._known(SHORT), header, scope, self._clock.now())
        # Why asked again: it may have been issued a moment ago.
        return admit(self._known(0.0), header, scope, self._clock.now()) if answer is TokenRefused.UNKNOWN else answer

    def take(self, observations: Sequence[Observation]) -> IntakeResult:
        """Write observations down; durable when it returns. Raises as :meth:`expunge.engine.lineage.observed_lineage.Intake.take`."""
        return self._intake.take(observations)

    def look(self) -> None:
        """See whether the state can be read. Raises StateUnavailable when it cannot."""
        self._journal.length(LINEAGE)

    def issue(self, name: str, scope: TokenScope, lasts: timedelta) -> tuple[Token, str]:
        """Issue a token; see :func:`expunge.engine.reports.token_register.issue`."""
        return token_register.issue(self._journal, self._clock, secrets.token_bytes, name, scope, lasts)

    def revoke(self, which: str) -> Token:
        """Revoke a token by name or id."""
        return token_register.revoke(self._journal, self._clock, which)

    def tokens(self) -> tuple[tuple[Token, bool], ...]:
        """Every token that was ever issued, oldest first, each with whether it works."""
        now: datetime = self._clock.now()
        return tuple((each, each.works(now)) for each in token_register.known(self._journal).values())

    def sightings(self) -> ObservedLineage:
        """All that pipelines were seen to do."""
        return observed_lineage.sightings(self._journal)

    def edges(self) -> tuple[MergedEdge, ...]:
        """Declared and observed edges side by side."""
        return sighted(self.map, self.sightings())

    def gaps(self) -> UndeclaredLineage:
        """Return the undeclared lineage of pipelines."""
        return observed_lineage.gaps(self.map, self._journal)

    def texts(self) -> tuple[Finding, ...]:
        """Return findings about disclosure texts of the map whose files differ from the agreed ones."""
        return tuple(disclosure_texts.findings(self.map, self._journal))

    def _known(self, age: float) -> dict[str, Token]:
        """Every token; what is known may be so many seconds old."""
        with self._guard:
            if time.monotonic() - self._looked >= age:
                length = self._journal.length(TOKENS)
                if length != self._length:
                    self._tokens, self._length = token_register.known(self._journal), length
                self._looked = time.monotonic()
            return self._tokens


def seen(map_path: Path | str | None = None) -> tuple[Finding, ...]:
    """Return findings about undeclared lineage, and about texts that differ from those that people agreed to.

    Nothing where there is no state yet, a finding where it cannot be read.
    """
    data_map = read_installed(map_path)
    try:
        require_keys(Path(data_map.state))
        with LineageDoor.open(map_path) as door:
            return (*observed_lineage.findings(door.map, door.gaps()), *door.texts())
    except Misconfigured:
        return ()
    except StateUnavailable as error:
        return (Finding(FindingKind.UNREADABLE, "state", "state", error.message, error.help),)


def _unsaid(_: timedelta) -> None:
    """The clock is held; whoever opens the installation with its keys is told."""
