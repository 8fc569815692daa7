"""PyTorch datasets without the people whose data may not be used. PyTorch is imported when a dataset is made, not before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from expunge.errors import ExpungeError
from expunge.gate.batches import RowFilter
from expunge.gate.batches import subject_of as named
from expunge.gate.columns import AT_ONCE, texts_of_values
from expunge.gate.decisions import GateReason, Subject

if TYPE_CHECKING:
    from expunge.gate.file_gate import Gate
    from expunge.gate.manifests import ManifestWriter

SubjectOf = Callable[[Any], "Subject | str | int | None"]


class Refused(ExpungeError):
    """A sample's person may not be used any more since the dataset was made, or the gate knows nothing now."""


def map_style(
    samples: Any, subjects: Sequence[str | int | None], kind: str, purpose: str, gate: Gate, *, manifest: ManifestWriter | None = None
) -> Any:
    """Return a ``torch.utils.data.Dataset`` over those samples whose people may be used, asked for all at once.

    Its length is the number of admitted samples. Each access asks again: a sample whose person was erased since raises :class:`Refused`,
    until ``refresh()`` (between two epochs) has left it out.

    Args:
        samples: a dataset with ``__getitem__`` and ``__len__``.
        subjects: the subject of each sample, in the same order; None where it is unknown.
        kind: kind of identifier in the data map.
        purpose: the use of the samples.
        gate: the gate.
        manifest: enters the admitted subjects; finish it with ``dataset.tally``.

    Raises:
        UsageError: for subjects that are neither text nor whole numbers.
        ValueError: when there are not as many subjects as samples.
        Refused: when the gate knows nothing.
    """
    from torch.utils.data import Dataset  # type: ignore[import-not-found,unused-ignore]

    class Gated(Dataset):  # type: ignore[misc,type-arg,unused-ignore]
        """Of a dataset, what may be used."""

        def __init__(self) -> None:
            if len(subjects) != len(samples):
                raise ValueError("there is one subject for each sample")
            self.refresh()

        def refresh(self) -> None:
            """Ask about every sample again."""
            sieve = RowFilter(gate, kind, purpose, manifest)
            texts = (texts_of_values(subjects[at : at + AT_ONCE]) for at in range(0, len(subjects), AT_ONCE))
            places = sieve.mask(texts).nonzero()[0].tolist()
            _require_open(sieve.tally.shut)
            self._places, self.tally = places, sieve.tally

        def __len__(self) -> int:
            return len(self._places)

        def __getitem__(self, index: int) -> Any:
            place = self._places[index]
            decision = RowFilter(gate, kind, purpose).ask(named(kind, subjects[place]))
            if not decision:
                message = f"a sample may not be used any more: {decision.reason}"
                raise Refused(message, help="call refresh() on the dataset between two epochs, or start the job again")
            return samples[place]

    return Gated()


def iterable(samples: Any, subject_of: SubjectOf, kind: str, purpose: str, gate: Gate, *, manifest: ManifestWriter | None = None) -> Any:
    """Return a ``torch.utils.data.IterableDataset`` of those samples whose people may be used, each asked about as it is reached.

    People who are erased while the job runs are left out from then on. The dataset's ``tally`` counts the last pass over it.

    Args:
        samples: an iterable that can be read again for each epoch.
        subject_of: the subject of a sample; None where it is unknown.
        kind: kind of identifier in the data map.
        purpose: the use of the samples.
        gate: the gate.
        manifest: enters the admitted subjects. With several workers each process has a copy of its own; hand one to a single pass instead.

    Iterating raises Refused as soon as the gate knows nothing. An epoch that ended early for that reason would look like a complete one.
    """
    from torch.utils.data import IterableDataset  # type: ignore[import-not-found,unused-ignore]

    class Gated(IterableDataset):  # type: ignore[misc,type-arg,unused-ignore]
        """Of a dataset, what may be used."""

        def __iter__(self) -> Iterator[Any]:
            sieve = RowFilter(gate, kind, purpose, manifest)
            self.tally = sieve.tally
            for sample in samples:
                if sieve.ask(named(kind, subject_of(sample))):
                    yield sample
                _require_open(sieve.tally.shut)

    return Gated()


def _require_open(shut: GateReason | None) -> None:
    if shut is not None:
        message = f"nobody may be used: {shut}"
        raise Refused(message, help="renew the snapshot with `expunge gate publish`, or let a worker do so")
