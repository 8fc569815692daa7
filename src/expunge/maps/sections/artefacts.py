"""A map's declarations about artefacts: kinds, dates, reviews, groups of people, and where artefacts come from."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, tzinfo
from difflib import get_close_matches
from pathlib import Path

from expunge.core.datamap.artefact import ArtefactKind, Cohort, Provenance, Reviewed
from expunge.core.datamap.datamap import ArtefactOrigin, Dataset, EraseAct, OnExpiry, TrainingSpec, remakes
from expunge.maps.document import words
from expunge.maps.document.draft import MapDraft
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode, Value
from expunge.ports.store_kind import absolute


def parse_kind(text: str) -> ArtefactKind:
    """A kind of artefact. Raises ValueError with those there are."""
    if text not in words.KINDS:
        near = get_close_matches(text, words.KINDS, n=1)
        message = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(words.KINDS)}"
        raise ValueError(message)
    return ArtefactKind(text)


def parse_moment(text: str, zone: tzinfo = UTC) -> datetime:
    """Return a date or an instant in UTC. A date means its first instant in a zone, and an instant without a zone is of that zone.

    Raises ValueError, also for an instant before the year 1 or after 9999.
    """
    try:
        at = datetime.fromisoformat(text) if len(text) > 10 else datetime.combine(date.fromisoformat(text), time.min)
    except ValueError as error:
        message = 'a date or an instant: "2018-03-01", "2018-03-01T12:00:00Z"'
        raise ValueError(message) from error
    try:
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        message = "an instant within the years 1 to 9999"
        raise ValueError(message) from error


def read_kind(form: Form, value: Value | None, what: str) -> ArtefactKind | None:
    """Read one kind of artefact."""
    return form.parsed(value, what, "bad-kind", parse_kind)


def read_date(form: Form, value: Value | None, what: str, zone: tzinfo = UTC) -> datetime | None:
    """A date or an instant, in quotes; of a zone."""
    return form.parsed(value, what, "bad-date", lambda text: parse_moment(text, zone))


def read_reviewed(form: Form, value: Value | None, what: str) -> Reviewed | None:
    """Read where reviews of a dataset are recorded."""
    table = form.table(value, what, words.REVIEWED, words.REVIEWED) if value is not None else None
    if table is None:
        return None
    return Reviewed(**{key: form.text(table.get(key), f"{what}.{key}") or "" for key in words.REVIEWED})


def read_cohorts(form: Form, root: TableNode) -> dict[str, Cohort]:
    """The section ``cohorts``."""
    found = {}
    for name, value in form.named(root, "cohorts"):
        cohort = read_cohort(form, value, f"cohorts.{name.text}", "bad-cohort")
        if cohort is not None:
            found[name.text] = cohort
    return found


def read_cohort(form: Form, value: Value, what: str, rule: str) -> Cohort | None:
    """Read one group of people. A fault is noted under ``rule`` where it selects no particular people."""
    table = form.table(value, what, words.COHORT, ("dataset",))
    if table is None:
        return None
    where, but_not = (read_values(form, table.get(key), f"{what}.{key}") for key in ("where", "but_not"))
    if not where and not but_not:
        text = f"{what} chooses nobody: it is everybody"
        form.faults.add(rule, table.line, text, "where: {FIELD: [value]}, or but_not: {FIELD: [value]}")
    return Cohort(form.text(table.get("dataset"), f"{what}.dataset") or "", where, but_not)


def read_values(form: Form, value: Value | None, what: str) -> dict[str, frozenset[str]]:
    """Read fields, each with the values that choose items."""
    table = form.table(value, what) if value is not None else None
    entries = table.entries if table else ()
    return {name.text: frozenset(form.texts(each, f"{what}.{name.text}", one_is_enough=True)) for name, each in entries}


def read_provenance(form: Form, root: TableNode) -> Provenance | None:
    """The section ``provenance``."""
    value = root.get("provenance")
    table = form.table(value, "provenance", words.PROVENANCE, words.PROVENANCE[:3]) if value is not None else None
    if table is None:
        return None
    return Provenance(**{key: form.text(table.get(key), f"provenance.{key}") or "" for key in words.PROVENANCE})


def read_origin(form: Form, value: Value | None, what: str) -> ArtefactOrigin:
    """Read how single artefacts are judged; by the lineage of the map unless it says otherwise."""
    return ArtefactOrigin(_one_of(form, value, what, words.ORIGINS, "bad-origin", "origin: manifest"))


def read_expiry(form: Form, value: Value | None, what: str) -> OnExpiry:
    """Read whether a dataset follows a source past its period. It stays unless the map says otherwise."""
    return OnExpiry(_one_of(form, value, what, words.EXPIRIES, "bad-on-expiry", "on_expiry: follow"))


def _one_of(form: Form, value: Value | None, what: str, known: tuple[str, ...], rule: str, help_: str) -> str:
    """One of some words, the first where nothing is said."""
    text = form.text(value, what)
    if text is None or value is None:
        return known[0]
    if text not in known:
        form.faults.add(rule, value.line, f"{what}: {text!r} is none of {', '.join(known)}", help_)
        return known[0]
    return text


def read_trainings(form: Form, root: TableNode, folder: Path) -> TrainingSpec | None:
    """The section ``trainings``."""
    value = root.get("trainings")
    table = form.table(value, "trainings", words.TRAININGS, words.TRAININGS) if value is not None else None
    if table is None:
        return None
    ledger, key = (form.text(table.get(each), f"trainings.{each}") or "" for each in words.TRAININGS)
    return TrainingSpec(absolute(folder, ledger), absolute(folder, key))


def check_expiries(draft: MapDraft) -> None:
    """Check that a dataset that follows its sources is made from others, and is made anew or destroyed.

    Forgetting is refused here: an expiry names no person for a model to forget.
    """
    for name, dataset in draft.datasets.items():
        if dataset.on_expiry is OnExpiry.FOLLOW and not (remakes(dataset) and dataset.on_erase.act is not EraseAct.FORGET):
            text = f"datasets.{name}.on_expiry: only what is made from others, and is retrained, rebuilt or destroyed, can follow them"
            line = draft.line("datasets", name, "on_expiry")
            draft.faults.add("bad-on-expiry", line, text, 'on_erase: destroy, or {retrain: "command"}; else on_expiry: stay')


def check_origins(draft: MapDraft, trainings: TrainingSpec | None) -> None:
    """Artefacts are judged by their manifests where there are such, in datasets that are made from others and go as a whole."""
    for name, dataset in draft.datasets.items():
        judged = dataset.origin is ArtefactOrigin.MANIFEST
        if not judged and not dataset.attest:
            continue
        key = "origin" if judged else "attest"
        line, what = draft.line("datasets", name, key), f"datasets.{name}.{key}"
        if not judged:
            text = f"{what} checks manifests, and nothing says that it is judged by them"
            draft.faults.add("bad-origin", line, text, "origin: manifest beside it")
        elif not remakes(dataset):
            text = f"{what}: its people are found in it, so that it needs no manifest"
            draft.faults.add("bad-origin", line, text, "origin: manifest for what is derived, has no subject and is retrained or destroyed")
        elif trainings is None:
            text = f"{what}: nothing says where manifests lie"
            draft.faults.add("bad-origin", line, text, "trainings: {ledger: FOLDER, key: FILE}")


def check_artefacts(draft: MapDraft, cohorts: Mapping[str, Cohort], provenance: Provenance | None) -> None:
    """Check that the names in these sections are declared and can be followed."""
    homes = {identity.dataset for identity in draft.identities.values()}
    for name, cohort in cohorts.items():
        line = draft.line("cohorts", name, "dataset")
        if draft.known("unknown-dataset", cohort.dataset, draft.datasets, line, f"cohorts.{name}") and cohort.dataset not in homes:
            text = f"cohorts.{name}: {cohort.dataset!r} does not say who exists, for any kind of identity"
            draft.faults.add("bad-cohort", line, text, f"dataset: {next(iter(homes), 'one that identities names')}")
    for name, dataset in draft.datasets.items():
        _check_review(draft, name, dataset)
        field = dataset.artefact
        if field and not draft.has_field(name, field):
            line, text = draft.line("datasets", name, "artefact"), f"datasets.{name}.artefact: no path of it has {{{field}}}"
            draft.faults.add("field-not-in-path", line, text, f"the path with {{{field}}} in it")
    if provenance is not None:
        line = draft.line("provenance", "dataset")
        known = draft.known("unknown-dataset", provenance.dataset, draft.datasets, line, "provenance")
        if known and draft.is_whole_files(draft.datasets[provenance.dataset]):
            text = f"provenance: {provenance.dataset!r} holds whole files, not rows"
            draft.faults.add("bad-provenance", line, text, "a table, or files with format: jsonl, one row for each source of an artefact")


def _check_review(draft: MapDraft, name: str, dataset: Dataset) -> None:
    review = dataset.reviewed_by
    if review is None:
        return
    what, line = f"datasets.{name}.reviewed_by", draft.line("datasets", name, "reviewed_by", "dataset")
    draft.known("unknown-dataset", review.dataset, draft.datasets, line, what)
    for where in (name, review.dataset):
        if review.via and not draft.has_field(where, review.via):
            text = f"{what}: the path of {where!r} has no {{{review.via}}}"
            draft.faults.add("bad-review", line, text, "via: a field that names the item in both datasets")


def follow_artefacts(datasets: Mapping[str, Dataset], follow: Mapping[str, set[str]]) -> None:
    """Add the fields that reviews and artefacts are followed by."""
    nobody: set[str] = set()
    for name, dataset in datasets.items():
        if dataset.artefact:
            follow[name].add(dataset.artefact)
        if dataset.reviewed_by is not None:
            follow[name].add(dataset.reviewed_by.via)
            follow.get(dataset.reviewed_by.dataset, nobody).add(dataset.reviewed_by.via)
