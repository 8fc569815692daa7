"""An entry of the log that commits to a register, as a pack has it: the leaf, and the salted hashes of the events behind it.

The hashes show how many events there are, and nothing of what they say. Each has a row in a list of the pack, so that no event can be
left out of the list; what a row says is the company's own statement, until the event and its salt are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from expunge.core import merkle
from expunge.core.log import register_forms
from expunge.core.values import canonical
from expunge.core.values.record_kind import RecordKind
from expunge.errors import EvidenceInvalid

LEAF, EVENTS = "leaf.json", "events.json"
FOLDER = "registers/"
KINDS = frozenset(register_forms.KINDS.values())
PENDING = "not in the log yet"
"""The entry of a row whose event no entry of the log commits to yet."""
Row = Mapping[str, Any]


@dataclass(frozen=True)
class RegisterEntry:
    """One entry that was read."""

    kind: RecordKind
    number: int
    """Among the entries of its register, from 0 without gaps."""
    first: int
    """The position of the first event behind it, in its register."""
    hashes: tuple[bytes, ...]
    """The salted leaf of each event."""
    leaf_hash: bytes
    """Of the log's leaf."""

    @property
    def folder(self) -> str:
        """Return its folder in a pack."""
        return f"{FOLDER}{self.kind.value}/{self.number}"


def encode(leaf: bytes, first: int, hashes: Sequence[bytes]) -> dict[str, bytes]:
    """Return the files of an entry."""
    return {LEAF: leaf, EVENTS: canonical.encode({"first": first, "hashes": [each.hex() for each in hashes]})}


def parse(files: Mapping[str, bytes]) -> RegisterEntry:
    """Read an entry. Raises EvidenceInvalid unless the hashes are those that the leaf commits to."""
    if files.keys() != {LEAF, EVENTS}:
        raise EvidenceInvalid("an entry about a register is its leaf and the hashes of its events")
    said = register_forms.read(files[LEAF])
    if said is None:
        raise EvidenceInvalid("the leaf is of no form that commits to a register")
    form, number, root = said
    match canonical.decode(files[EVENTS]):
        case {"first": int(first), "hashes": list(listed)} if listed and first >= 0:
            try:
                hashes = tuple(bytes.fromhex(str(each)) for each in listed)
            except ValueError as error:
                raise EvidenceInvalid("a hash of an event is malformed") from error
        case _:
            raise EvidenceInvalid("the hashes of events are malformed")
    if merkle.tree_root(len(hashes), merkle.nodes_of(list(hashes))).hex() != root:
        raise EvidenceInvalid("the hashes of events are not those that the log committed to")
    return RegisterEntry(register_forms.KINDS[form], number, first, hashes, merkle.leaf_hash(files[LEAF]))


def faults(kind: RecordKind, entries: Sequence[tuple[int, RegisterEntry]], rows: Iterable[Row], *, whole: bool) -> Iterator[str]:
    """Name each gap between the entries of a register, and each event without its one row, or row without its event.

    Args:
        kind: the list.
        entries: (index in the log, entry) of the covered part, in the log's order.
        rows: the rows of the list.
        whole: whether the pack begins with the first entry of the log.
    """
    path = f"lists/{kind.value}.json"
    following, after = (0, 0) if whole else (None, None)
    places: dict[tuple[int, int], int] = {}
    for index, entry in entries:
        if following is not None and (entry.number, entry.first) != (following, after):
            yield f"entries about {kind.value} are missing before entry {index} of the log"
        following, after = entry.number + 1, entry.first + len(entry.hashes)
        places |= {(index, position): 0 for position in range(entry.first, after)}
    shown: list[Row] = []
    for row in rows:
        if row.get("entry") == PENDING:
            continue
        place = (row.get("entry"), row.get("position"))
        if place not in places:
            yield f"{path} has a row that no event of the covered log stands behind"
            continue
        places[place] += 1  # type: ignore[index]
        shown.append(row)
    for (index, position), times in sorted(places.items()):
        if times != 1:
            yield f"{path} has {times or 'no'} rows for the event at {position}, which entry {index} of the log commits to"
    yield from _numbered(path, shown)


def _numbered(path: str, rows: Sequence[Row]) -> Iterator[str]:
    """Name each gap between the views of a lease."""
    expected: dict[str, int] = {}
    for row in sorted(rows, key=lambda each: int(each["position"])):
        lease, number = row.get("lease"), row.get("sequence")
        if row["what"] == "lease begun":
            expected[str(lease)] = 0
        elif row["what"] == "view served":
            if expected.get(str(lease), number) != number:
                yield f"{path} lacks views of the lease {lease} before number {number}"
            expected[str(lease)] = int(number or 0) + 1
