"""Give out the receipt of a look: the views of one lease so far, with what leads from each to the log, signed."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from expunge.core.journal.peek import peek
from expunge.core.journal.review_events import ReviewsCommitted, ReviewsLogged, ViewServed
from expunge.core.log import dsse
from expunge.core.review import commitment, view_receipt
from expunge.core.review.view_receipt import LogPlace, ProvenView, ViewsReceipt
from expunge.core.values.signature import key_id
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import REVIEWS
from expunge.engine.review.review_stream import read_event
from expunge.errors import UsageError


@dataclass
class _Entry:
    """An entry of the log that commits to views of the lease."""

    committed: ReviewsCommitted
    views: list[tuple[int, commitment.EventProof]]
    """By their numbers in the lease."""
    index: int = -1
    """Its place in the log, once it is there."""


@dataclass
class _Search:
    """Reads the register once, and keeps no more than the events behind the entry that comes next."""

    lease: str
    entries: list[_Entry] = field(default_factory=list)
    _open: list[bytes] = field(default_factory=list)
    _found: list[tuple[int, int]] = field(default_factory=list)
    """(position, number in the lease) of views that no entry commits to yet."""

    def take(self, position: int, data: bytes) -> None:
        """Take the event at a position."""
        if peek(data, ReviewsCommitted) is not None:
            event = read_event(data)
            assert isinstance(event, ReviewsCommitted)
            if self._found:
                proofs = [(number, commitment.prove(event, self._open, at)) for at, number in self._found]
                self.entries.append(_Entry(event, proofs))
            self._open, self._found = [], []
        elif peek(data, ReviewsLogged) is not None and self.entries:
            logged = read_event(data)
            for each in self.entries:
                if isinstance(logged, ReviewsLogged) and each.committed.number == logged.number:
                    each.index = logged.index
        elif self.lease.encode() in data and peek(data, ViewServed) is not None:
            view = read_event(data)
            if isinstance(view, ViewServed) and view.lease == self.lease:
                self._found.append((position, view.sequence))
        self._open.append(data)


def files(context: Context, lease: str) -> dict[str, bytes]:
    """Return the files of the receipt of a lease's views, as far as the log commits to them.

    The signature is over what the register has now: asked again after further views, it is another receipt.

    Raises UsageError where no view of the lease is in the log yet, EvidenceInvalid where the register is not what the log committed to,
    StateUnavailable, StateCorrupt, KeeperAway.
    """
    search = _Search(lease)
    for position, data in enumerate(context.journal.read(REVIEWS)):
        search.take(position, data)
    entries = [each for each in search.entries if each.index >= 0]
    if not entries:
        raise UsageError("no view of that look is in the log yet", help="ask again in a few seconds")
    log = context.log
    head, policy = log.head(), context.trust_policy().encode()
    paths = log.prove_all([each.index for each in entries], head.size)
    places = tuple(
        LogPlace(each.committed.number, each.committed.root, each.index, path) for each, path in zip(entries, paths, strict=True)
    )
    views = [(number, each.committed.number, proof) for each in entries for number, proof in each.views]
    public = context.keys.signer_public()
    receipt = ViewsReceipt(
        lease, context.clock.now().replace(microsecond=0), log.origin, key_id(public), sha256(policy).hexdigest(), places,
        tuple(
            ProvenView(proof.event.decode(), proof.salt, entry, proof.index, proof.count, proof.path)
            for _, entry, proof in sorted(views, key=lambda each: each[0])
        ),
    )  # fmt: skip
    statement = receipt.encode()
    return view_receipt.assemble(statement, context.keys.sign_receipt(dsse.pae(statement)), public, policy, head.checkpoint)
