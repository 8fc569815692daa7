"""Ask witnesses to cosign a checkpoint before it is published (C2SP tlog-witness, the log's side)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from expunge.adapters.outbound import posting
from expunge.core.log import checkpoint, witness_protocol
from expunge.core.log.signed_head import cosigned_at
from expunge.core.log.trust import NamedKey, TrustPolicy
from expunge.core.log.witness_protocol import AddCheckpoint, WitnessStatus
from expunge.core.note import NoteSignature, parse_note
from expunge.errors import EvidenceInvalid

Proof = Callable[[int, int], Sequence[bytes]]
"""Consistency proof from a smaller size to a larger one of the log's own tree."""
_TURNS = 4
"""Requests to one witness for one checkpoint: it may cosign another meanwhile, or have a size that is not known here."""


@dataclass(frozen=True)
class CosignedNote:
    """A checkpoint with what its witnesses made of it."""

    note: bytes
    """With the cosignatures that count, in the order of the policy."""
    enough: bool
    """Whether they meet the quorum."""
    faults: tuple[str, ...]
    """Why each of the others did not cosign, as sentences."""


class _Declined(Exception):
    """The text says why, after the witness's name."""


class Witnesses:
    """The witnesses of one log. They are asked all at a time, and what each of them saw last is kept in mind.

    Args:
        policy: the witnesses, with addresses, and the quorum. A witness without an address is not asked.
        patience: how long all of them may take together.
        longest: how long a checkpoint waits for its quorum before it is published without.
        now: the time, by which times of cosignatures are judged.
    """

    def __init__(self, policy: TrustPolicy, *, patience: timedelta, now: Callable[[], datetime], longest: timedelta = timedelta(0)) -> None:
        self.policy = policy
        self.longest = longest
        self.now = now
        self._patience = patience.total_seconds()
        self._sizes: dict[str, int] = {}

    def collect(self, signed: bytes, prove: Proof, kept: Iterable[NoteSignature] = ()) -> CosignedNote:
        """Ask for cosignatures of a checkpoint. Every witness's trouble is a fault in the answer; none is raised.

        Args:
            signed: the checkpoint, signed by the log.
            prove: makes proofs from whichever size a witness saw last. It is called on this thread only.
            kept: lines of the same checkpoint from before; those of witnesses who do not answer now stay.
        """
        head = checkpoint.parse(parse_note(signed).text)
        asked = [witness for witness in self.policy.witnesses if witness.url]
        deadline = time.monotonic() + self._patience
        # Why proofs first: the tree is read on one thread, and most witnesses are where they were left.
        sizes = {witness.name: min(self._sizes.get(witness.name, 0), head.size) for witness in asked}
        before = {(line.name, line.key_id): line for line in kept}
        known = {witness.name: before.get((witness.key.name, witness.key.id)) for witness in self.policy.witnesses}
        lines = {name: line for name, line in known.items() if line is not None}
        faults = {witness.name: "it has no address" for witness in self.policy.witnesses if not witness.url}
        waiting = asked
        for _ in range(_TURNS):
            answers = _asked(waiting, {name: _request(size, head.size, signed, prove) for name, size in sizes.items()}, deadline)
            again = []
            for witness in waiting:
                try:
                    lines[witness.name] = self._line(witness, answers.get(witness.name), head, signed, sizes)
                    faults.pop(witness.name, None)
                except _Behind as behind:
                    sizes[witness.name] = behind.size
                    faults[witness.name] = "it keeps changing its mind about what it saw last"
                    again.append(witness)
                except _Declined as declined:
                    faults[witness.name] = str(declined)
            waiting, sizes = again, {witness.name: sizes[witness.name] for witness in again}
            if not waiting:
                break
        keys = [witness.key for witness in self.policy.witnesses if witness.name in lines]
        plain = parse_note(signed)
        order = [lines[witness.name] for witness in self.policy.witnesses if witness.name in lines]
        return CosignedNote(
            plain._replace(signatures=(*plain.signatures, *order)).encode(),
            self.policy.witnessed_by(keys),
            tuple(f"{name}: {why}" for name, why in faults.items()),
        )

    def _line(
        self,
        witness: NamedKey,
        answer: tuple[int, bytes] | str | None,
        head: checkpoint.Checkpoint,
        signed: bytes,
        sizes: dict[str, int],
    ) -> NoteSignature:
        """The cosignature in an answer. Raises _Declined, _Behind."""
        if answer is None or isinstance(answer, str):
            raise _Declined(answer or "no answer in time")
        status, body = answer
        if status == WitnessStatus.CONFLICT:
            raise self._conflict(witness, body, head, sizes)
        if status != WitnessStatus.COSIGNED:
            raise _Declined(_REFUSED.get(status, f"it answered {status}"))
        try:
            _, line = witness_protocol.with_cosignatures(signed, body, witness.key)
        except EvidenceInvalid as error:
            why = f"its answer is no cosignature: {error.message}"
            raise _Declined(why) from error
        fault = cosigned_at(witness.key, line.signature, self.policy, head.origin, self.now()).fault
        if fault:
            raise _Declined(fault)
        self._sizes[witness.name] = head.size
        return line

    def _conflict(self, witness: NamedKey, body: bytes, head: checkpoint.Checkpoint, sizes: dict[str, int]) -> Exception:
        try:
            size = witness_protocol.parse_size(body)
        except EvidenceInvalid:
            return _Declined("it says conflict and no size")
        if size > head.size:
            return _Declined(f"it has seen {size} entries of this log, which has {head.size}: the log is an older copy, or was forked")
        if size == sizes[witness.name]:
            return _Declined("it saw another tree of that size: the log was forked")
        self._sizes[witness.name] = size
        return _Behind(size)


class _Behind(Exception):
    """The witness saw another size last than was thought."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


_REFUSED: dict[int, str] = {
    WitnessStatus.MALFORMED: "it does not understand the request",
    WitnessStatus.NOT_SIGNED: "it does not know the log's keys",
    WitnessStatus.UNKNOWN_LOG: "it does not know the log",
    WitnessStatus.INCONSISTENT: "it saw another tree than this log has: the log was forked",
}


def _request(old: int, size: int, signed: bytes, prove: Proof) -> bytes:
    return AddCheckpoint(old, tuple(prove(old, size)) if 0 < old < size else (), signed).encode()


def _asked(witnesses: Sequence[NamedKey], requests: dict[str, bytes], deadline: float) -> dict[str, tuple[int, bytes] | str]:
    """What each witness answered until then: status and body, or why there was none."""
    answers: dict[str, tuple[int, bytes] | str] = {}

    def ask(witness: NamedKey) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        url = f"{witness.url.rstrip('/')}/{witness_protocol.ADD_CHECKPOINT}"
        try:
            answers[witness.name] = posting.post(url, requests[witness.name], timeout=left, content_type="text/plain; charset=utf-8")
        except ValueError as error:
            answers[witness.name] = str(error)
        except posting.ServiceUnreached as error:
            late = isinstance(error.__cause__, TimeoutError)
            answers[witness.name] = "no answer in time" if late else f"it could not be reached: {error}"

    threads = [threading.Thread(target=ask, args=[witness], daemon=True) for witness in witnesses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)
