"""The data map as typed values: the content of a valid ``expunge.yaml``.

Reading, defaults and fault messages live in ``expunge.maps``, which returns valid maps only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from expunge.core.accounts.accounts_spec import AccountsSpec, CompanySpec
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.datamap.artefact import ArtefactKind, Cohort, DataKind, Provenance, Reviewed
from expunge.core.datamap.clocks import ClockRule
from expunge.core.datamap.grounding import Grounding, ScanDepth
from expunge.core.datamap.lineage_spec import LineageSpec
from expunge.core.datamap.mentions import MentionRule
from expunge.core.datamap.open_guess import OpenGuess
from expunge.core.datamap.purposes import AskingSpec, Purpose, TextVersion
from expunge.core.datamap.recipient_spec import RecipientSpec
from expunge.core.datamap.spelling import OPAQUE, Spelling, default_spelling
from expunge.core.datamap.vault_root import RootSpec
from expunge.core.values.hashed_identifiers import HashedField
from expunge.core.values.ids import MODEL
from expunge.core.values.periods import Period
from expunge.core.values.record_kind import RecordKind
from expunge.core.values.tags import tagged


@dataclass(frozen=True)
class StoreSpec:
    """One declared store."""

    name: str
    kind: str
    """A key of ``expunge.stores.REGISTRY``."""
    url: str = field(repr=False)
    """``${ENV}`` filled in; paths made absolute against the map's folder: ``/srv/media`` for files, ``sqlite:////srv/app.db`` for
    sqlite (four slashes: the path itself begins with one). May hold a password: never shown, logged or hashed."""
    options: Mapping[str, str | int | bool | Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Settings of the kind itself, paths made absolute. sqlite: ``attach``, alias -> absolute path."""
    window: str = ""
    """Maintenance window for exclusive work, ``HH:MM-HH:MM`` in UTC; empty means any time."""
    outside: tuple[str, ...] = ()
    """Places beyond this store that the receipt must name: backups, replicas, third parties, with their end dates."""
    scan: ScanDepth = ScanDepth.ALL
    line: int = 0
    """Line of the map, for messages."""


@dataclass(frozen=True)
class IdentitySpec:
    """The dataset that lists all identifiers of this kind, and the links between identifiers."""

    kind: str
    dataset: str
    key: str
    """Field of the dataset that holds the identifier."""
    also: tuple[str, ...] = ()
    """Other fields of that dataset by which the same person may be named (``email``)."""
    member_of: str | None = None
    """The identity kind this one belongs to (a profile to an account): erasing the owner erases its members. The field that links
    the two is named like the owner's key."""
    last_used: Mapping[str, str] = field(default_factory=dict)
    """Dataset -> the field of it that says when an item was made: the newest is the last use."""
    inactive_after: Period | None = None
    """Without any use for so long, it is flagged, told about, and erased with everything in it unless it is kept or used again."""
    compare: Mapping[str, Spelling] = field(default_factory=dict)
    """Field, ``key`` or one of ``also`` -> how its values compare, where the map says so."""
    label: str = ""
    """The field of that dataset that pages call the person by, such as a first name; empty where pages say *Child 1*."""
    line: int = 0
    """Line of the map, for messages."""

    def spelling(self, name: str = "") -> Spelling:
        """Return how the values of a field compare: of ``key``, or of one of ``also``."""
        wanted = name or self.key
        if wanted in self.compare:
            return self.compare[wanted]
        return default_spelling(self.kind, wanted) if wanted == self.key else default_spelling(wanted)


@dataclass(frozen=True)
class Retention:
    """A finite period and why it is needed."""

    name: str
    period: Period
    start: str
    """The field that the period runs from (``from:`` in the map)."""
    purpose: str
    need: str
    inactive_after: Period | None = None
    """Without any use by the person for so long, the data goes even where ``period`` has not ended."""
    line: int = 0
    """Line of the map, for messages."""


@tagged("ByField")
@dataclass(frozen=True)
class ByField:
    """The subject stands in the data itself: identity kind -> field (column, template placeholder or record field).

    Several kinds: any match means the subject.
    """

    fields: Mapping[str, str]
    also: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Identity kind -> further fields that hold identifiers of it: payer and payee. Any match means the subject here, too."""
    hashed: tuple[HashedField, ...] = ()
    """Fields that hold hashes of identifiers. They are none of the others: nothing can be read out of a hash."""

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return (identity kind, field) of every field that holds identifiers as they are."""
        return (*self.fields.items(), *((kind, name) for kind, names in self.also.items() for name in names))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The identity kinds that it names, each once, as they are or by hashes."""
        return tuple(dict.fromkeys((*self.fields, *(each.kind for each in self.hashed))))

    @property
    def names(self) -> tuple[str, ...]:
        """Every field by which people are found, each once."""
        return tuple(dict.fromkeys((*(name for _, name in self.pairs()), *(each.name for each in self.hashed))))


@tagged("Through")
@dataclass(frozen=True)
class Through:
    """The subject is found through another dataset: this dataset's ``via`` field equals a field of that dataset."""

    dataset: str
    via: str
    to: str = ""
    """The field of the other dataset, where it has another name there."""

    @property
    def link(self) -> str:
        """The field of the other dataset that ``via`` equals."""
        return self.to or self.via

    many: bool = False
    """The map says that a value of ``via`` may lead to several people; otherwise an order is refused where one does."""
    further: tuple[tuple[str, str], ...] = ()
    """More datasets with a field each that ``via`` may equal. An item goes with the last person to whom any of the ways leads."""

    @property
    def ways(self) -> tuple[tuple[str, str], ...]:
        """Every dataset with its field that ``via`` equals."""
        return ((self.dataset, self.link), *self.further)

    @property
    def sources(self) -> tuple[str, ...]:
        """The datasets through which it is found, each once."""
        return tuple(dict.fromkeys(name for name, _ in self.ways))


@tagged("Inherited")
@dataclass(frozen=True)
class Inherited:
    """Its subjects are those of its sources, and nothing in it says whose is what: a model, an index, an export made anew.

    Nothing can be located in it; what ``on_erase`` names is done to the whole (never ``erase``).
    """

    sources: tuple[str, ...]


@dataclass(frozen=True)
class AboutNobody:
    """No subject at all: nothing of it is located or erased."""


@tagged("ReferenceData")
@dataclass(frozen=True)
class ReferenceData(AboutNobody):
    """No subject, because it lists what there is, whoever has it: cities, products, error messages."""

    vocabulary: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Column -> (dataset, column) of people whose values come from its list."""


@tagged("Aggregate")
@dataclass(frozen=True)
class Aggregate(AboutNobody):
    """No subject, because it is about many people at once, with a reason and the four conditions of de-identified data stated in the map.

    The conditions are those of the definition "Deidentified" in the orders against X-Mode, Gravy and Avast.
    """

    reason: str
    safeguards: str
    """Technical safeguards that keep people from being found in it again."""
    prohibition: str
    """The business rule that forbids trying, buyers and recipients included."""
    release: str
    """What keeps identifiable data from being released by accident."""
    no_attempt: str
    """The statement that nobody here tries to identify anyone in it."""


@tagged("Undecided")
@dataclass(frozen=True)
class Undecided(AboutNobody):
    """No subject yet: a proposed map asks whose it is. No order is planned while it does."""


SubjectRule: TypeAlias = ByField | Through | Inherited | ReferenceData | Aggregate | Undecided


class Shared(StrEnum):
    """The treatment of an item of several people when one of them is erased."""

    ERASE = "erase"
    KEEP = "keep"
    MUTE = "mute"


class EraseAct(StrEnum):
    """The act of an erasure on a dataset."""

    ERASE = "erase"
    FORGET = "forget"
    REBUILD = "rebuild"
    RETRAIN = "retrain"
    DESTROY = "destroy"
    KEEP = "keep"


class ComparedBy(StrEnum):
    """The part of an artefact that a comparison looks at."""

    BYTES = "bytes"
    WEIGHTS = "weights"
    """Of formats that carry ids and times in their bytes, what was learnt; of others the bytes."""


@dataclass(frozen=True)
class OnErase:
    """The act, with the command of a forget, rebuild or retrain and its limits, or the ground of a keep."""

    act: EraseAct = EraseAct.ERASE
    argument: str = ""
    within: timedelta | None = None
    """How long the command may take; None means the default of ``expunge.ports.commands``."""
    memory: int = 0
    """Bytes of memory that the command may take; 0 means the default."""
    prove: str = ""
    """The command that makes the same from nothing, in a fresh process, for comparison."""
    network: bool = False
    """Whether the commands may reach other machines."""
    environment: tuple[str, ...] = ()
    """Names of variables of our environment that the commands get."""
    compare: ComparedBy = ComparedBy.BYTES
    """What has to be the same in what ``prove`` makes."""


@dataclass(frozen=True)
class TableLayout:
    """A table of a database."""

    name: str
    """``table`` or ``schema.table`` (for sqlite, the schema is the alias of an attached file)."""


@dataclass(frozen=True)
class PathLayout:
    """Files, or objects of a bucket, by their names."""

    templates: tuple[str, ...]
    """Such as ``voice/{profile_id}/{recording_id}.flac``; several for sidecars."""


@dataclass(frozen=True)
class ModelLayout:
    """A model of a registry."""

    name: str
    """The registered name."""


@dataclass(frozen=True)
class ExperimentLayout:
    """An experiment of a registry, whose runs and traces are about people."""

    name: str


Layout: TypeAlias = TableLayout | PathLayout | ModelLayout | ExperimentLayout
LAYOUTS: Mapping[str, type[TableLayout | PathLayout | ModelLayout | ExperimentLayout]] = {
    "table": TableLayout,
    "path": PathLayout,
    "model": ModelLayout,
    "experiment": ExperimentLayout,
}
"""The key of a dataset in the map -> how its data is laid out."""


class ArtefactOrigin(StrEnum):
    """The source of knowledge about what the artefacts of a dataset were made from."""

    LINEAGE = "lineage"
    """The map's lineage, for all of it."""
    MANIFEST = "manifest"
    """Each artefact's own sealed manifest."""


class OnExpiry(StrEnum):
    """The treatment of a dataset when one of its sources outlives its period."""

    STAY = "stay"
    FOLLOW = "follow"


@dataclass(frozen=True)
class Dataset:
    """One collection in a store with one layout."""

    name: str
    store: str
    subject: SubjectRule
    retention: str
    """Name of a :class:`Retention`; where the map names none for a derived dataset, the shortest among its sources."""
    layout: Layout | None = None
    """None where a noted fault of the map leaves it unknown."""
    format: str = ""
    """For files with records of many people: ``jsonl``, ``csv`` or ``json``, compression told from the name; empty means whole files."""
    records: str = ""
    """For ``json``: the field whose lists hold the records, ``.`` for the document itself; empty where a file is one record."""
    encoding: str = ""
    """Of files with records that have no byte order mark; empty means UTF-8."""
    shared: Shared = Shared.ERASE
    members: bool = False
    """A person leaves the list of an item that names several, and the item stays for the others. Filled in by the reader of the map, where
    an item can hold a list and the map does not say ``shared``."""
    people: str = ""
    """For shared recordings: the dataset that says who is in one (its rows link this dataset's ``via`` field to people)."""
    categories: tuple[str, ...] = ()
    """Fideslang data categories."""
    derived_from: tuple[str, ...] = ()
    on_erase: OnErase = OnErase()
    follow: tuple[str, ...] = ()
    """Fields of this dataset that other datasets (``through``) or identities follow; filled in by the reader of the map."""
    grounding: Grounding | None = None
    """Asked for by the map; None means what the store reaches."""
    kind: ArtefactKind | None = None
    """What it holds, in the words of orders of destruction; None where the map does not say."""
    holds: DataKind | None = None
    """The kind of data that people are told it holds; None where the map does not say."""
    collected: str = ""
    """The field that says when an item was collected; empty means the one that its retention runs from."""
    reviewed_by: Reviewed | None = None
    """Where it is recorded that people reviewed or annotated items of it."""
    artefact: str = ""
    """The field that names single artefacts, where the dataset holds several (models, versions of a label set)."""
    created: datetime | None = None
    """When the one artefact that it is was made; None where nobody says."""
    origin: ArtefactOrigin = ArtefactOrigin.LINEAGE
    attest: str = ""
    """The command that makes an artefact again from exactly the records that its manifest names, for comparison."""
    on_expiry: OnExpiry = OnExpiry.STAY
    mentions: Mapping[str, MentionRule] = field(default_factory=dict)
    """Column -> what an erasure does where the erased person's identifier fills a cell of another person's row."""
    line: int = 0
    """Line of the map, for messages."""

    @property
    def goes_with_the_last(self) -> bool:
        """True when an item goes with the last person to whom a way leads: by several ways, or through what is found by several."""
        return isinstance(self.subject, Through) and self.shared is Shared.KEEP and not self.people

    @property
    def table(self) -> str:
        """The name of its table, for stores of tables; empty where it is laid out in another way."""
        return self.layout.name if isinstance(self.layout, TableLayout) else ""

    @property
    def paths(self) -> tuple[str, ...]:
        """The templates of its paths, for stores of files; none where it is laid out in another way."""
        return self.layout.templates if isinstance(self.layout, PathLayout) else ()

    @property
    def subject_fields(self) -> tuple[str, ...]:
        """The fields by which its people are found, each once; empty where no field names them."""
        match self.subject:
            case ByField() as rule:
                return rule.names
            case Through(_, via):
                return (via,)
            case _:
                return ()

    @property
    def changes_rows(self) -> bool:
        """Whether an erasure deletes rows of it, and so may change others there: else a mention can only be kept."""
        return self.on_erase.act is EraseAct.ERASE and bool(self.subject_fields)


@dataclass(frozen=True)
class TrainingSpec:
    """The place of sealed manifests of artefacts."""

    ledger: str
    """Absolute path of the folder."""
    key: str
    """Absolute path of the file that holds the key of its tags and seals."""


@dataclass(frozen=True)
class WitnessSpec:
    """Who cosigns the log's checkpoints before they are published."""

    policy: str
    """Absolute path of a file with ``witness``, ``group`` and ``quorum`` lines."""
    longest: timedelta = timedelta(hours=12)
    """How long a receipt waits for the quorum before its checkpoint is published without."""


@dataclass(frozen=True)
class StorePart:
    """A part of a store that the map speaks of, with the reason."""

    store: str
    pattern: str
    """``fnmatch`` pattern over names of tables, of their columns, or relative paths."""
    reason: str
    line: int = 0
    """Line of the map, for messages."""


class Ignore(StorePart):
    """A part that is declared to hold no personal data."""


class OpaquePlace(StorePart):
    """A part whose bytes nobody can read, declared to hold nothing of people who go."""


@dataclass(frozen=True)
class NotOurs:
    """Other databases of a store's server that hold nothing of the company's."""

    store: str
    database: str
    """``fnmatch`` pattern over names of databases."""
    reason: str
    line: int = 0
    """Line of the map, for messages."""


@dataclass(frozen=True)
class DataMap:
    """The whole declaration."""

    stores: Mapping[str, StoreSpec]
    datasets: Mapping[str, Dataset]
    identities: Mapping[str, IdentitySpec]
    retention: Mapping[str, Retention]
    ignore: tuple[Ignore, ...]
    state: str
    """Where Expunge keeps its own state: the absolute path of a folder."""
    state_url: str = field(default="", repr=False)
    """Where orders, receipts and leases lie instead, when that is PostgreSQL; keys and log stay in the folder. May hold a password."""
    longest_wait: timedelta = timedelta(hours=24)
    """How long an order that is in no hurry waits for others, to share the rewriting of tables and files with them."""
    cooling_off: timedelta = timedelta(0)
    """Between an order and the first erase: the time in which it may be cancelled."""
    approvers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> the keys of that person, as :mod:`expunge.core.approver_keys` reads them; when not empty, plans need one approval."""
    traces_kept: timedelta = timedelta(days=90)
    """How long traces and the sealed contact address are kept for later probes."""
    purposes: Mapping[str, Purpose] = field(default_factory=dict)
    """What data is used for, and what that rests on."""
    texts: Mapping[str, tuple[TextVersion, ...]] = field(default_factory=dict)
    """What people are told before they agree; the versions of each, the newest last."""
    guardians: Mapping[str, Period] = field(default_factory=dict)
    """Identity kind -> the age from which such a person decides alone."""
    consent_wait: timedelta = timedelta(days=14)
    """How long somebody who was asked may take to agree, before what was kept to ask them goes."""
    asking: AskingSpec = field(default_factory=AskingSpec)
    """How parents are asked by message."""
    cohorts: Mapping[str, Cohort] = field(default_factory=dict)
    """Groups of people that orders name, by what a dataset says of them."""
    provenance: Provenance | None = None
    """Which dataset records what single artefacts were made from."""
    trainings: TrainingSpec | None = None
    """Where it is kept what artefacts learnt from."""
    witnesses: WitnessSpec | None = None
    """Who cosigns the log; None for nobody."""
    vault_root: RootSpec = field(default_factory=RootSpec)
    """The place that keeps the keys of the vault's epochs."""
    company: CompanySpec = field(default_factory=CompanySpec)
    """The company that issues receipts."""
    accounts: AccountsSpec | None = None
    """The pages for people; None where only the API is served."""
    review: ReviewSpec | None = None
    """The review desk; None where no member of staff may see or hear a recording."""
    lineage: LineageSpec = field(default_factory=LineageSpec)
    """What pipelines call the datasets, and what of theirs is about nobody."""
    recipients: Mapping[str, RecipientSpec] = field(default_factory=dict)
    """Third parties that data is handed to."""
    laws: Mapping[str, ClockRule] = field(default_factory=dict)
    """The clocks that hold here, by name."""
    opaque: tuple[OpaquePlace, ...] = ()
    """Places that cannot be read, each with the reason why that is no harm."""
    not_ours: tuple[NotOurs, ...] = ()
    """Databases beside a declared one that belong to others."""
    guesses: tuple[OpenGuess, ...] = ()
    """What a proposal guessed and no person has decided yet, in the order of the file."""
    records: Mapping[RecordKind, Period] = field(default_factory=dict)
    """How long each kind of record about orders is kept, where it is not :data:`~expunge.core.values.record_kind.KEPT`."""
    source: str = ""
    """Path of the file, for messages."""

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind of name that the gate is asked about: identities, the other names that those have (``account.email``), and models."""
        return frozenset(self.identities) | {f"{kind}.{name}" for kind, each in self.identities.items() for name in each.also} | {MODEL}

    def spelling(self, kind: str) -> Spelling:
        """Return how identifiers of a kind compare: of an identity, or of another name that it has (``account.email``)."""
        if kind in self.identities:
            return self.identities[kind].spelling()
        for word, identity in self.identities.items():
            if kind.startswith(f"{word}."):
                return identity.spelling(kind.removeprefix(f"{word}."))
        return OPAQUE

    def datasets_of(self, store: str) -> tuple[Dataset, ...]:
        """The datasets declared in one store, in the order of the map."""
        return tuple(dataset for dataset in self.datasets.values() if dataset.store == store)


def remakes(dataset: Dataset) -> bool:
    """Return whether an erasure treats the dataset as a whole: it is made from others, and its items do not name their subjects."""
    return isinstance(dataset.subject, Inherited) and dataset.on_erase.act in _WHOLE


def made_last(data_map: DataMap) -> tuple[Dataset, ...]:
    """Return every dataset that :func:`remakes`, each after the sources among them; ties by name."""
    waiting = {name: each for name, each in sorted(data_map.datasets.items()) if remakes(each)}
    done: list[Dataset] = []
    while waiting:
        free = [each for each in waiting.values() if waiting.keys().isdisjoint({*each.derived_from} - {each.name})]
        # The map's reader has refused circles; should one be here all the same, the names decide.
        free = free or list(waiting.values())[:1]
        done += free
        for each in free:
            del waiting[each.name]
    return tuple(done)


_WHOLE = frozenset({EraseAct.FORGET, EraseAct.DESTROY, EraseAct.REBUILD, EraseAct.RETRAIN})
