"""The desk of retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from expunge import durable
from expunge.adapters.keys_local import LocalKeys
from expunge.bootstrap.desk import Desk
from expunge.bootstrap.state import GATE, published
from expunge.core.claims import Checked, Published
from expunge.core.idle import Idle
from expunge.core.ids import Pseudonym
from expunge.core.retention import Period
from expunge.core.retention_due import Aged
from expunge.engine import claiming, idling, retiring
from expunge.engine.idling import Watched
from expunge.engine.resolving import Resolved
from expunge.engine.retiring import MOST, Retired
from expunge.errors import Misconfigured


@dataclass(frozen=True)
class RetentionDesk(Desk):
    """What has outlived its period, orders for it, and what is said of it in public."""

    state: Path
    keys: LocalKeys

    def preview(self, proposed: Mapping[str, Period] | None = None) -> tuple[Aged, ...]:
        """How old everything is, and what is due now or would be; see :func:`expunge.engine.retiring.preview`."""
        return retiring.preview(self.context, proposed)

    def retire(self, *, most: int = MOST, requester: str = "") -> Retired:
        """Receive an order for what is due; see :func:`expunge.engine.retiring.retire`."""
        with self.writing():
            return retiring.retire(self.context, most=most, requester=requester)

    def watch(self) -> Watched:
        """Find profiles that nobody uses, and give up those that nobody kept; see :func:`expunge.engine.idling.watch`."""
        with self.writing():
            return idling.watch(self.context)

    def idle(self) -> dict[Pseudonym, Idle]:
        """Every profile that was ever flagged as unused."""
        return idling.states(self.context)

    def keep(self, person: Resolved, by: str) -> Idle:
        """Keep a flagged profile. Takes no turn among writers: the register decides who was first."""
        return idling.keep(self.context, person.person.subject, by)

    def claims(self) -> tuple[Checked, ...]:
        """Hold what is said in public against the estate; what became false is entered into the register."""
        with self.writing():
            return claiming.watch(self.context, self._refused)

    def public(self) -> Published:
        """What is public now, and what of it is known to be false."""
        return claiming.published(self.context)

    def publish(self, folder: Path) -> tuple[Checked, ...]:
        """Write the policy as ``policy.html`` and ``policy.md`` and enter its sentences; nothing where one of them is not true.

        Returns every sentence with what was found. Raises Misconfigured when the folder cannot be written to.
        """
        made = claiming.policy(self.context)
        with self.writing():
            found = claiming.check(self.context, self._refused)
            if all(each.true for each in found):
                try:
                    folder.mkdir(parents=True, exist_ok=True)
                    pages = [(folder / "policy.html", made.html.encode()), (folder / "policy.md", made.markdown.encode())]
                    durable.write_all(pages, at="policy.publish.page", mode=0o644)
                except OSError as error:
                    message = f"the policy cannot be written to {folder}: {error.strerror}"
                    raise Misconfigured(message, help="name a folder that can be written to") from error
                claiming.publish(self.context, made)
        return found

    def _refused(self) -> frozenset[bytes]:
        return published(self.state / GATE, self.keys)
