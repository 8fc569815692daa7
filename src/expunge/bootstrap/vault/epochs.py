"""The service for epochs of the vault's keys: their state, rotation, and destruction with the approval of two people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from expunge.bootstrap.accounts.approver_passkeys import require_holder
from expunge.bootstrap.open_state import origin_of
from expunge.bootstrap.service import DomainService
from expunge.bootstrap.vault.readers import YEAR, WhoCanRead, who_can_read
from expunge.bootstrap.vault.vault_names import KIND
from expunge.bootstrap.vault.vaults import Vaults
from expunge.core.journal.epoch_events import EpochDestroyed, EpochEnding, EpochRotated, ShredsAccepted
from expunge.engine.consent import epoch_approvals
from expunge.engine.kernel.journal_streams import EPOCHS, read_register, register
from expunge.engine.vault import openings
from expunge.engine.vault.shred_heads import ShredHeads
from expunge.errors import UsageError
from expunge.ports.vault.key_epochs import EpochEnd, KeyDeath, KeyEpoch


@dataclass(frozen=True)
class KeyStatus:
    """The state of the vault's keys."""

    epochs: tuple[KeyEpoch, ...]
    """The living epochs, oldest first."""
    overdue: tuple[int, ...]
    """The epochs that live longer than the map allows."""
    lifetime: timedelta
    waiting: tuple[KeyDeath, ...]
    """Deaths of keys that are inaccessible and not yet irrecoverable."""
    copyable: bool
    """Whether a copy of the root still opens a destroyed epoch."""


@dataclass(frozen=True)
class Rotated:
    """The result of a rotation."""

    epoch: int
    keys: int
    resumed: bool
    """Whether it finished an interrupted rotation."""
    scrubbed: bool
    """Whether the old wrapped keys are gone from every file of the table."""


@dataclass(frozen=True)
class EpochService(DomainService):
    """The epochs of the one key table that all vaults share."""

    vaults: Vaults

    def status(self) -> KeyStatus:
        """Return the state of the keys. Raises UsageError where the map has no vault."""
        self._require()
        table, now, lifetime = self.vaults.table(), self.context.clock.now(), self.vaults.lifetime
        epochs = table.epochs()
        overdue = tuple(each.number for each in epochs if each.made + lifetime <= now)
        return KeyStatus(epochs, overdue, lifetime, table.waiting(), table.root_copyable)

    def rotate(self) -> Rotated:
        """Wrap every living key under a new epoch, and scrub the old ones from the table. The next call finishes an interrupted one."""
        self._require()
        table = self.vaults.table()
        done = table.rotate(self.context.clock.now())
        with self.changing():
            register(self.context.journal, EPOCHS, EpochRotated(self.context.clock.now(), done.epoch, done.rewrapped, _user()))
        return Rotated(done.epoch, done.rewrapped, done.resumed, table.scrub())

    def message(self, epoch: int) -> bytes:
        """Return the message that an approver of an epoch's destruction signs. Raises as :meth:`KeyTable.destroy_epoch`."""
        return epoch_approvals.message(self._name, self._end(epoch))

    def approve(self, epoch: int, approver: str, signed: str) -> tuple[str, ...]:
        """Enter an approval; return the approvers so far. Raises as :func:`epoch_approvals.approve` and :meth:`message`."""
        with self.changing():
            holder = partial(require_holder, self.context)
            return epoch_approvals.approve(self.context, self._name, self._end(epoch), approver, signed, holder)

    def require_approved(self, epoch: int) -> EpochEnd:
        """Return what would be destroyed. Raises NeedsApproval until two people have approved it, and as :meth:`message`."""
        end = self._end(epoch)
        epoch_approvals.require(self.context, self._name, end)
        return end

    def destroy(self, epoch: int) -> tuple[str, ...]:
        """Destroy an epoch's key for good; return its approvers. Destroying twice is success; after a crash it is finished.

        Raises as :meth:`require_approved`.
        """
        self._require()
        with self.changing():
            table = self.vaults.table()
            begun, ended = self._said(epoch)
            if begun is None or epoch in {each.number for each in table.epochs()}:
                end = self._end(epoch)
                names = epoch_approvals.require(self.context, self._name, end)
                begun = EpochEnding(self.context.clock.now(), epoch, epoch_approvals.digest(self._name, end), names, _user())
                # commit point: the approvers are in the journal before anything is destroyed.
                register(self.context.journal, EPOCHS, begun)
                table.destroy_epoch(epoch, begun.at)
                ended = False
            if not ended:
                register(self.context.journal, EPOCHS, EpochDestroyed(self.context.clock.now(), epoch))
            return begun.approvers

    def accept_older(self, by: str, reason: str) -> ShredsAccepted:
        """Go on with a register of key deaths that is older than the journal says, as a person decides. Then a sweep is due.

        Raises UsageError where it is not older, and without a name or a reason.
        """
        self._require()
        with self.changing():
            head = self.vaults.older_head()
            if head is None:
                raise UsageError("the register of key deaths is not older than the journal says", help="nothing has to be accepted")
            return ShredHeads(self.context.journal, self.context.clock.now).accept(head, by, reason)

    def who_can_read(self, days: int = YEAR) -> WhoCanRead:
        """Return the places, accounts and purposes that can reach the vaults' recordings, and the openings of so many days that did."""
        self._require()
        return who_can_read(self.context, days)

    def opening_alone(self) -> int | None:
        """Return how many accounts of the machine can open recordings of the vaults by what they can read; None without a vault."""
        if not any(each.kind == KIND for each in self.context.data_map.stores.values()):
            return None
        return len(who_can_read(self.context).alone)

    @property
    def _name(self) -> str:
        return origin_of(self.vaults.keys)

    def _end(self, epoch: int) -> EpochEnd:
        self._require()
        return self.vaults.table().end_of(epoch)

    def _said(self, epoch: int) -> tuple[EpochEnding | None, bool]:
        """Return the journal's record of an epoch's destruction: its beginning, and whether it ended."""
        begun: EpochEnding | None = None
        ended = False
        for each in read_register(self.context.journal, EPOCHS):
            begun = each if isinstance(each, EpochEnding) and each.epoch == epoch else begun
            ended = ended or (isinstance(each, EpochDestroyed) and each.epoch == epoch)
        return begun, ended

    def _require(self) -> None:
        if not any(each.kind == KIND for each in self.context.data_map.stores.values()):
            raise UsageError("the map has no vault", help="declare a store of kind vault, then `expunge ingest`")


def _user() -> str:
    return openings.this_reader("").user
