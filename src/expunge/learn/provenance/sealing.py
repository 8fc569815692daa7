"""Seal the manifest of an artefact, so that an order can leave it where it never had the subject, and find it where it had.

Seal it when the files are written and before it serves: the manifest is bound to their bytes. It holds its subjects as keyed tags, in a
folder beside Expunge that the map names under ``trainings``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path

from expunge import clock, durable
from expunge.core.models import artefact_manifest
from expunge.core.models.artefact_manifest import ArtefactManifest
from expunge.core.models.read_recordings import ReadRecordings
from expunge.errors import EvidenceInvalid, StateCorrupt
from expunge.learn.provenance.tracking import Record
from expunge.learn.records.refusals import BadInput


def contents_of(paths: Iterable[str | Path]) -> tuple[str, ...]:
    """Hex SHA-256 of each file, and of every file of a folder, sorted, each once. Raises OSError, BadInput for a link or for nothing."""
    found: set[str] = set()
    for each in map(Path, paths):
        files = [path for path in sorted(each.rglob("*")) if path.is_symlink() or path.is_file()] if each.is_dir() else [each]
        if any(one.is_symlink() for one in files):
            raise BadInput("an artefact is its own files: a link leads to bytes that may change")
        for one in files:
            with one.open("rb") as file:
                found.add(file_digest(file, "sha256").hexdigest())
    if not found:
        raise BadInput("an artefact of no file: there is nothing to seal")
    return tuple(sorted(found))


class Sealer:
    """The writer of manifests into a ledger."""

    def __init__(self, ledger: str | Path, key: bytes) -> None:
        """Take the folder that the map names under ``trainings`` (made for its owner alone) and its key, the same for all artefacts.

        Raises BadInput for a key of fewer than 16 bytes.
        """
        if len(key) < artefact_manifest.SHORTEST_KEY:
            message = f"the key has fewer than {artefact_manifest.SHORTEST_KEY} bytes: whoever guesses it can ask for anybody"
            raise BadInput(message)
        self._folder = Path(ledger)
        self._key = key

    def seal(
        self,
        paths: Iterable[str | Path],
        *,
        dataset: str,
        records: Iterable[Record],
        people: Mapping[str, Collection[str]],
        sources: Mapping[str, datetime],
        parents: Iterable[Iterable[str | Path]] = (),
        complete: bool = True,
    ) -> str:
        """Seal the manifest of an artefact, for good.

        Args:
            paths: every file of the artefact, or the folder that holds them: small print too, since an order compares all of them.
            dataset: the dataset of the map to which the artefact belongs.
            records: every record that was learnt from, those that chose among models included; their ``subjects`` are not looked at.
            people: kind of identity -> identifiers of all people of that kind whose records these are. Name owners too (the account of a
                profile): an order for an account whose profiles are long gone finds nothing by their identifiers.
            sources: dataset of the map -> the time it was read.
            parents: the files of each other artefact that it was made from (the teacher of a student); an order reads their manifests.
            complete: False where something else went in that nobody can tell the origin of: then the manifest finds people and clears
                nobody.

        Returns:
            The artefact's name, 64 hex digits.

        Raises:
            BadInput: no file, no record, no person, one name instead of a list, or a time without a zone; or these very bytes were sealed
                before, with something that this manifest would leave out.
            OSError: a file cannot be read, or the ledger not written.
        """
        held = list(records)
        if not held or not people or not all(people.values()):
            raise BadInput("a manifest names records, and at least one person of each kind of identity that it speaks of")
        if any(isinstance(ids, str | bytes) for ids in people.values()):
            raise BadInput("the people of a kind are a list of identifiers, not one of them: people={'profile': ['p-1']}")
        if any(len(each.content) != 32 for each in held):
            raise BadInput("the content of a record is named by its SHA-256, 32 bytes")
        if any(at.tzinfo is None for at in sources.values()):
            raise BadInput("when a source was read is a time with a zone: datetime.now(UTC)")
        key = self._key
        made = ArtefactManifest(
            dataset=dataset,
            contents=contents_of(paths),
            sources={name: at.astimezone(UTC) for name, at in sorted(sources.items())},
            people={kind: _tags(key, kind, ids) for kind, ids in sorted(people.items())},
            records=tuple(sorted({artefact_manifest.record(key, each.id, each.content) for each in held})),
            parents=tuple(sorted({artefact_manifest.artefact(contents_of(parent)) for parent in parents})),
            complete=complete,
            made=clock.now(),
        )
        file = self._folder / f"{made.name}{artefact_manifest.SUFFIX}"
        self._require_no_less(made, file)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # commit point: the artefact is known once the file has its name; before, an order takes all of the dataset, as without a manifest.
        durable.write_bytes(file, artefact_manifest.seal(made, key), at="learn.sealing.write")
        return made.name

    def seal_read(
        self, paths: Iterable[str | Path], read: ReadRecordings, *, dataset: str, parents: Iterable[Iterable[str | Path]] = ()
    ) -> str:
        """Seal the manifest of an artefact that learnt from sealed recordings, and from nothing else: see :meth:`seal`.

        Args:
            paths: every file of the artefact, or the folder that holds them.
            read: what was opened in the run that made it (``expunge.vault.reading``).
            dataset: the dataset of the map to which the artefact belongs.
            parents: the files of each other artefact that it was made from.
        """
        records = [Record(name, content) for name, content in read.records]
        return self.seal(
            paths, dataset=dataset, records=records, people=read.people, sources=read.sources, parents=parents, complete=read.complete
        )

    def _require_no_less(self, made: ArtefactManifest, file: Path) -> None:
        """What bytes learnt from they have learnt from for good: whoever seals them again may add to that and take nothing back."""
        try:
            earlier = artefact_manifest.read(file.read_bytes(), self._key)
        except (FileNotFoundError, EvidenceInvalid, StateCorrupt):
            return
        less = (
            made.dataset != earlier.dataset
            or (made.complete and not earlier.complete)
            or not set(earlier.records) <= set(made.records)
            or not set(earlier.parents) <= set(made.parents)
            or any(not set(tags) <= set(made.people.get(kind, ())) for kind, tags in earlier.people.items())
        )
        if less:
            message = "these very bytes were sealed before, of more than this manifest says: what they learnt from they have learnt from"
            raise BadInput(message)


def chosen(manifest: str | Path, key: bytes, records: Iterable[Record]) -> list[Record]:
    """Return the records that a manifest names: the only ones that a command trains on when it makes an artefact again.

    Args:
        manifest: the file that the request names.
        key: that of the ledger.
        records: what there is.

    Raises:
        EvidenceInvalid: the manifest was altered.
        BadInput: a record that it names is not among them: the very same cannot be made.
    """
    data = Path(manifest).read_bytes()
    wanted = set(artefact_manifest.read(data, key).records)
    found = {artefact_manifest.record(key, record.id, record.content): record for record in records}
    if not wanted <= found.keys():
        raise BadInput("records that the manifest names are not there any more: the very same cannot be made")
    return sorted((found[each] for each in wanted), key=lambda each: each.id)


def _tags(key: bytes, kind: str, ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({artefact_manifest.person(key, kind, str(identifier)) for identifier in ids}))
