"""Find, read and check a map. All faults are reported at once, each with its line and the correction."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from expunge.core.datamap.datamap import ByField, DataMap, Dataset, IdentitySpec, Through
from expunge.core.values.periods import parse_span
from expunge.errors import Misconfigured
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.faults import FaultCollector, MapFault, MapFaults
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import MAX_BYTES, ScalarNode, TableNode, Value, load
from expunge.maps.reading.layout import check_layouts, check_overlaps, check_scans, check_stores
from expunge.maps.reading.members import with_members
from expunge.maps.reading.rules import (
    check_identities,
    check_lineage,
    check_shared,
    check_subjects,
    with_last_person,
    with_people,
    with_retention,
)
from expunge.maps.sections.artefacts import (
    check_artefacts,
    check_expiries,
    check_origins,
    follow_artefacts,
    read_cohorts,
    read_provenance,
    read_trainings,
)
from expunge.maps.sections.consents import check_consents, read_asking, read_guardians, read_purposes, read_texts
from expunge.maps.sections.datasets import read_datasets, read_ignore, read_opaque
from expunge.maps.sections.guesses import read_guesses
from expunge.maps.sections.hashed_fields import check_hashed
from expunge.maps.sections.idle import check_last_used
from expunge.maps.sections.laws import read_laws
from expunge.maps.sections.mentions import check_mentions
from expunge.maps.sections.not_ours import read_not_ours
from expunge.maps.sections.pages.accounts import read_accounts, read_company
from expunge.maps.sections.pages.review_desk import check_review, read_review
from expunge.maps.sections.pipelines import check_names, read_lineage
from expunge.maps.sections.places import read_approvers, read_identities, read_retention, read_state, read_stores, read_witnesses
from expunge.maps.sections.recipients import read_recipients
from expunge.maps.sections.records import read_records
from expunge.maps.sections.reference_data import check_reference_data
from expunge.maps.sections.roots import read_vault_root
from expunge.ports.store_kind import StoreKind

MAP_NAME = "expunge.yaml"


@dataclass(frozen=True)
class MapReading:
    """A map as far as it could be read, and its faults. Only a reading without faults may be used for more than showing."""

    map: DataMap | None
    faults: tuple[MapFault, ...]


def find_map(start: Path) -> Path:
    """Return the ``expunge.yaml`` in ``start`` or the nearest folder above it. Raises Misconfigured when there is none.

    A folder above ``start`` that all users may write to (``/tmp``) ends the walk: a map that another user left there must not be obeyed.
    """
    folder = start.absolute()
    for each in (folder, *folder.parents):
        if each != folder and each.is_dir() and each.stat().st_mode & stat.S_IWOTH:
            break
        if (each / MAP_NAME).is_file():
            return each / MAP_NAME
    message = f"no {MAP_NAME} in {folder} or above it"
    raise Misconfigured(message, help="expunge init TARGET... proposes a first map")


def read_map(
    path: Path,
    environ: Mapping[str, str],
    *,
    kinds: Mapping[str, StoreKind],
    text: bytes | None = None,
) -> DataMap:
    """Read a map that must be sound.

    Args:
        path: the file.
        environ: where ``${NAME}`` is looked up.
        kinds: the kinds of store that the map may name, with their declarations (``expunge.stores.Kinds``).
        text: read instead of what the file holds; paths count from the file's folder all the same.

    Raises:
        MapFaults: with everything that is wrong in it.
        Misconfigured: when the file cannot be opened.
    """
    reading = examine(path, environ, kinds=kinds, text=text)
    if reading.faults or reading.map is None:
        raise MapFaults(reading.faults)
    return reading.map


def examine(
    path: Path,
    environ: Mapping[str, str],
    *,
    kinds: Mapping[str, StoreKind],
    text: bytes | None = None,
) -> MapReading:
    """Read a map that may be faulty; arguments as for :func:`read_map`. Raises Misconfigured when the file cannot be opened."""
    data = _bytes_of(path) if text is None else text
    faults = FaultCollector(str(path))
    root = load(data, faults)
    if root is None:
        return MapReading(None, faults.sorted())
    form = Form(faults, environ)
    table = form.table(root, "the map", words.MAP, ("version", "stores", "datasets"))
    if table is None:
        return MapReading(None, faults.sorted())
    _check_version(form, table)
    data_map = _whole(form, table, path.absolute(), kinds)
    return MapReading(data_map, faults.sorted())


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"the data map {path} cannot be read: {error.strerror}"
        raise Misconfigured(message, help="expunge init TARGET... proposes a first map") from error


_CHECKS = (
    check_stores,
    check_layouts,
    check_overlaps,
    check_scans,
    check_identities,
    check_last_used,
    check_subjects,
    check_shared,
    check_mentions,
    check_hashed,
    check_reference_data,
)
"""The checks that need nothing but stores, datasets and identities, in the sequence of their faults."""


def _draft(form: Form, root: TableNode, path: Path, kinds: Mapping[str, StoreKind]) -> tuple[MapDraft, str]:
    """Return what checks look at, and the URL of the state where it is a server."""
    state, state_url = read_state(form, root, path.parent)
    stores = read_stores(form, root, path.parent, kinds)
    draft = MapDraft(
        root=root,
        faults=form.faults,
        state=state,
        stores={name: spec for name, (spec, _) in stores.items()},
        kinds={name: kind for name, (_, kind) in stores.items()},
        datasets=read_datasets(form, root),
        identities=read_identities(form, root),
        retention=read_retention(form, root),
        ignore=read_ignore(form, root),
        opaque=read_opaque(form, root),
        not_ours=read_not_ours(form, root),
    )
    return replace(draft, datasets=with_members(draft, with_last_person(draft, with_people(draft)))), state_url


def _whole(form: Form, root: TableNode, path: Path, kinds: Mapping[str, StoreKind]) -> DataMap:
    draft, state_url = _draft(form, root, path, kinds)
    for check in _CHECKS:
        check(draft)
    purposes, texts, guardians = read_purposes(form, root), read_texts(form, root, path.parent), read_guardians(form, root)
    check_consents(draft, purposes, texts, guardians)
    cohorts, provenance, trainings = read_cohorts(form, root), read_provenance(form, root), read_trainings(form, root, path.parent)
    check_artefacts(draft, cohorts, provenance)
    check_origins(draft, trainings)
    check_expiries(draft)
    lineage = read_lineage(form, root)
    check_names(draft, lineage)
    company = read_company(form, root)
    review = read_review(form, root, path.parent)
    check_review(draft, review)
    datasets = with_retention(draft, check_lineage(draft))
    return DataMap(
        stores=draft.stores,
        datasets=_with_follow(datasets, draft.identities),
        identities=draft.identities,
        retention=draft.retention,
        ignore=draft.ignore,
        opaque=draft.opaque,
        not_ours=draft.not_ours,
        state=draft.state,
        state_url=state_url,
        longest_wait=_span(form, root.get("longest_wait"), "longest_wait", timedelta(hours=24)),
        cooling_off=_span(form, root.get("cooling_off"), "cooling_off", timedelta(0)),
        approvers=read_approvers(form, root),
        traces_kept=_span(form, root.get("traces_kept"), "traces_kept", timedelta(days=90)),
        purposes=purposes,
        texts=texts,
        guardians=guardians,
        consent_wait=_span(form, root.get("consent_wait"), "consent_wait", timedelta(days=14)),
        asking=read_asking(form, root),
        cohorts=cohorts,
        provenance=provenance,
        trainings=trainings,
        witnesses=read_witnesses(form, root, path.parent),
        vault_root=read_vault_root(form, root, path.parent),
        company=company,
        accounts=read_accounts(form, root, path.parent, company, purposes),
        review=review,
        lineage=lineage,
        laws=read_laws(form, root, path.parent),
        recipients=read_recipients(form, root, draft.datasets),
        guesses=read_guesses(form, root),
        records=read_records(form, root),
        source=str(path),
    )


def _check_version(form: Form, root: TableNode) -> None:
    value = root.get("version")
    if value is not None and not (isinstance(value, ScalarNode) and value.text == "1"):
        form.faults.add("bad-version", value.line, "this version of Expunge reads maps of version 1", "version: 1")


def _span(form: Form, value: Value | None, what: str, default: timedelta) -> timedelta:
    span = form.parsed(value, what, "bad-span", parse_span)
    return default if span is None else span


def _with_follow(datasets: Mapping[str, Dataset], identities: Mapping[str, IdentitySpec]) -> dict[str, Dataset]:
    """Fill in which fields of each dataset others follow: ``through``, identities and who else is in a recording."""
    follow: dict[str, set[str]] = {name: set() for name in datasets}
    nobody: set[str] = set()
    for dataset in datasets.values():
        if isinstance(dataset.subject, Through):
            for source, link in dataset.subject.ways:
                follow.get(source, nobody).add(link)
            people = datasets.get(dataset.people)
            if people is not None:
                fields = people.subject_fields if isinstance(people.subject, ByField) else ()
                follow[people.name] |= {dataset.subject.link, *fields}
    for identity in identities.values():
        owner = identities.get(identity.member_of or "")
        follow.get(identity.dataset, nobody).update({identity.key, *identity.also, *([owner.key] if owner else [])})
    follow_artefacts(datasets, follow)
    return {name: replace(dataset, follow=tuple(sorted(follow[name] - {""}))) for name, dataset in datasets.items()}
