"""A consumer of a Redis stream that skips messages of refused people. The caller passes the client (redis-py or a similar one)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from expunge.errors import ExpungeError
from expunge.gate.batches import RowFilter
from expunge.gate.decisions import SHUT, Subject, Tally

if TYPE_CHECKING:
    from expunge.gate.file_gate import Gate


class StreamWaits(ExpungeError):
    """The gate knows nothing at present: no message was acknowledged, and all come again."""


@dataclass
class GatedStream:
    """One consumer of a consumer group; hands out the messages that may be used, at least once each.

    A refused message is acknowledged and, unless ``keep`` is set, deleted from the stream: otherwise what an erased person said would lie
    there for the next group. While the gate knows nothing, none is touched. Messages that were handed out and not acknowledged, because the
    consumer died, are asked about again when they come again.
    """

    client: Any
    stream: str
    group: str
    consumer: str
    gate: Gate
    kind: str
    """Kind of identifier in the data map."""
    purpose: str
    subject_field: str
    """The message's field that says whose it is; a message without it is refused."""
    keep: bool = False
    count: int = 100
    """Messages of one read."""
    block_ms: int = 1000
    """How long a read waits for the first of them."""
    tally: Tally = field(default_factory=Tally)

    def messages(self) -> Iterator[tuple[bytes, Mapping[bytes, bytes]]]:
        """Ids and fields of messages that may be used: those that this consumer never acknowledged, then new ones until none comes in time.

        One is acknowledged when the next is asked for. Raises StreamWaits when the gate knows nothing; errors of the client as they are.
        """
        yield from self._from("0")
        yield from self._from(">")

    def _from(self, position: str) -> Iterator[tuple[bytes, Mapping[bytes, bytes]]]:
        after = position
        while True:
            answer = self.client.xreadgroup(self.group, self.consumer, {self.stream: after}, count=self.count, block=self.block_ms)
            batch = _entries(answer)
            if not batch:
                return
            for identity, fields in batch:
                if position != ">":
                    after = identity if isinstance(identity, str) else identity.decode()
                # Why empty: somebody deleted the message after it was handed out; there is nothing left of it but the debt.
                if not fields:
                    self.client.xack(self.stream, self.group, identity)
                    continue
                if self._may(fields):
                    yield identity, fields
                    self.client.xack(self.stream, self.group, identity)
                else:
                    self.client.xack(self.stream, self.group, identity)
                    if not self.keep:
                        self.client.xdel(self.stream, identity)

    def _may(self, fields: Mapping[Any, Any]) -> bool:
        value = fields.get(self.subject_field.encode(), fields.get(self.subject_field))
        whose = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        decision = RowFilter(self.gate, self.kind, self.purpose, tally=self.tally).ask(Subject(self.kind, whose) if whose else None)
        if decision.reason in SHUT:
            message = f"nobody may be used: {decision.reason}"
            raise StreamWaits(message, help="renew the snapshot with `expunge gate publish`, or let a worker do so; nothing is lost")
        return decision.allowed


def _entries(answer: Any) -> list[tuple[Any, Mapping[Any, Any]]]:
    """The messages of one stream, in either form that clients answer with: a list of pairs, or a mapping."""
    if not answer:
        return []
    if isinstance(answer, Mapping):
        batches = next(iter(answer.values()))
        return [entry for batch in batches for entry in batch]
    return list(answer[0][1])
