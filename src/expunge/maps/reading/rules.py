"""The rules about people and time: subjects, identities, lineage, retention, shared recordings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from expunge.core.datamap.datamap import (
    AboutNobody,
    ByField,
    Dataset,
    EraseAct,
    IdentitySpec,
    Inherited,
    ModelLayout,
    ReferenceData,
    Shared,
    Through,
    Undecided,
)
from expunge.core.lineage.lineage_graph import EdgeKind, Lineage, lineage_of
from expunge.maps.document.draft import MapDraft
from expunge.maps.reading.members import check_members, holds_lists


def check_identities(draft: MapDraft) -> None:
    """Identities name datasets and fields that exist, and belong to one another without a cycle."""
    for kind, identity in draft.identities.items():
        what = f"identities.{kind}"
        draft.known("unknown-dataset", identity.dataset, draft.datasets, draft.line("identities", kind, "dataset"), what)
        for key, fields in (("key", (identity.key,)), ("also", identity.also)):
            for field in fields:
                _field_in(draft, identity.dataset, field, draft.line("identities", kind, key), what)
        _check_label(draft, kind, identity)
        if identity.member_of is None:
            continue
        line = draft.line("identities", kind, "member_of")
        if draft.known("unknown-identity", identity.member_of, draft.identities, line, f"{what}.member_of"):
            _field_in(draft, identity.dataset, draft.identities[identity.member_of].key, line, f"{what}.member_of")
            chain = [kind]
            while (owner := draft.identities[chain[-1]].member_of) in draft.identities and owner not in chain:
                chain.append(str(owner))
            if owner == kind == min(chain):
                text = f"{what}: a cycle of member_of: {' -> '.join([*chain, kind])}"
                draft.faults.add("member-cycle", line, text, "member_of in one direction: the member names its owner")


def check_subjects(draft: MapDraft) -> None:
    """Each dataset's path to a subject can be followed to its end."""
    for name, dataset in draft.datasets.items():
        what = f"datasets.{name}.subject"
        line = draft.line("datasets", name, "subject")
        match dataset.subject:
            case ByField(kinds=kinds):
                for kind in kinds:
                    draft.known("unknown-identity", kind, draft.identities, draft.line("datasets", name, "subject", kind), what)
                _a_field_in_each(draft, dataset, dataset.subject_fields, line, what)
            case Through(via=via) as rule:
                for source, link in rule.ways:
                    if draft.known("unknown-dataset", source, draft.datasets, line, what) and _ends_in_a_person(draft, name, source, line):
                        _field_in(draft, source, link, line, f"{what} follows")
                _a_field_in_each(draft, dataset, (via,), line, what)


def _ends_in_a_person(draft: MapDraft, name: str, source: str, line: int) -> bool:
    rule = draft.datasets[source].subject
    if isinstance(rule, AboutNobody | Inherited) and not isinstance(rule, Undecided):
        word = "about nobody" if isinstance(rule, AboutNobody) else "derived, without a subject of its own"
        text = f"datasets.{name}.subject goes through {source!r}, which is {word}: the path ends nowhere"
        draft.faults.add("through-ends-nowhere", line, text, f"subject: {{KIND: FIELD}}, or a subject for {source!r}")
        return False
    return True


def _check_label(draft: MapDraft, kind: str, identity: IdentitySpec) -> None:
    """A label is read from a row or record; a file that is taken whole has none."""
    dataset = draft.datasets.get(identity.dataset)
    if identity.label and dataset is not None and draft.is_whole_files(dataset):
        text = f"identities.{kind}.label: {identity.dataset!r} is files that are taken whole, and nothing in them is read"
        mend = "an identity whose dataset is a table or files with records; or no label"
        draft.faults.add("field-not-in-path", draft.line("identities", kind, "label"), text, mend)


def _field_in(draft: MapDraft, dataset: str, field: str, line: int, what: str) -> None:
    if field and not draft.has_field(dataset, field):
        spec = draft.datasets[dataset]
        text = f"{what}: the path of {dataset!r} has no {{{field}}}"
        draft.faults.add(
            "field-not-in-path", line, text, f'path: "{{{field}}}/{spec.paths[0]}", or format: jsonl if the files hold records'
        )


def _a_field_in_each(draft: MapDraft, dataset: Dataset, fields: tuple[str, ...], line: int, what: str) -> None:
    """Whole files: each template says whose the file is, and each field stands in some template."""
    named = [field for field in fields if field]
    if not named or not draft.is_whole_files(dataset):
        return
    instead = "or format: jsonl if the files hold records"
    for path in dataset.paths:
        if not any("{" + field + "}" in path for field in named):
            text = f"{what}: the path {path!r} has no {{{named[0]}}}, so nothing says whose file it is"
            draft.faults.add("field-not-in-path", line, text, f'path: "{{{named[0]}}}/{path}", {instead}')
    for field in named:
        if not any("{" + field + "}" in path for path in dataset.paths):
            text = f"{what}: no path of it has {{{field}}}"
            draft.faults.add("field-not-in-path", line, text, f"the path with {{{field}}} in it, {instead}")


def check_lineage(draft: MapDraft) -> Lineage:
    """Check lineage: sources are declared, no dataset is derived from itself or found through itself, each act fits its dataset."""
    for name, dataset in draft.datasets.items():
        line = draft.line("datasets", name, "derived_from")
        for source in dataset.derived_from:
            draft.known("unknown-dataset", source, draft.datasets, line, f"datasets.{name}.derived_from")
        _check_act(draft, name, dataset)
    graph = lineage_of(draft.datasets, draft.identities)
    for kind, rule, key in ((EdgeKind.DERIVED, "derived-cycle", "derived_from"), (EdgeKind.THROUGH, "through-cycle", "subject")):
        cycle = graph.cycle({kind})
        if cycle:
            line = draft.line("datasets", cycle[1], key)
            draft.faults.add(rule, line, f"a cycle of {kind.value!r}: {' -> '.join(cycle)}", "these without the one that leads back")
    return graph


def _check_act(draft: MapDraft, name: str, dataset: Dataset) -> None:
    act, line, what = dataset.on_erase.act, draft.line("datasets", name, "on_erase"), f"datasets.{name}"
    if act in {EraseAct.REBUILD, EraseAct.RETRAIN} and not dataset.derived_from:
        draft.faults.add("act-not-for-this", line, f"{what}: {act.value} needs sources to make it from", "derived_from: [recordings]")
    stated = draft.has("datasets", name, "on_erase")
    if act is EraseAct.ERASE and stated and isinstance(dataset.layout, ModelLayout):
        text = f"{what}: a model has no rows of a person to erase"
        draft.faults.add("act-not-for-this", line, text, 'on_erase: forget, destroy or {retrain: "command"}')
    elif act is EraseAct.ERASE and stated and isinstance(dataset.subject, Inherited):
        text = f"{what}: erase needs to know which part of it is whose, and it has no subject of its own"
        draft.faults.add("act-not-for-this", line, text, 'subject: {through: DATASET, via: FIELD}, or on_erase: {rebuild: "command"}')


def check_shared(draft: MapDraft) -> None:
    """Check that the map's treatment of other people in a shared recording can be done and can be known."""
    for name, dataset in draft.datasets.items():
        what = f"datasets.{name}"
        kind = draft.kind_of(dataset)
        line = draft.line("datasets", name, "shared")
        if dataset.shared is Shared.MUTE and kind is not None and not kind.mutes:
            text = f"{what}: a {draft.stores[dataset.store].kind} store cannot mute one person in a recording"
            draft.faults.add(
                "mute-not-possible", line, text, "shared: erase (the recording goes) or shared: keep (it stays for the others)"
            )
        sidecar = any(path.endswith(".json") for path in dataset.paths)
        told = dataset.goes_with_the_last or bool(dataset.people) or sidecar or (kind is not None and kind.says_who)
        if dataset.shared is Shared.KEEP and not told and not holds_lists(draft, dataset):
            text = f"{what}: shared: keep, and nothing says who else is in a recording"
            draft.faults.add("shared-without-people", line, text, "people: DATASET, whose rows link recordings to people")
        if dataset.people:
            _check_people(draft, dataset, draft.line("datasets", name, "people"))
    check_members(draft)


def _check_people(draft: MapDraft, dataset: Dataset, line: int) -> None:
    what = f"datasets.{dataset.name}.people"
    if not draft.known("unknown-dataset", dataset.people, draft.datasets, line, what):
        return
    if not isinstance(dataset.subject, Through):
        text = f"{what}: the field that links a recording to {dataset.people!r} is not named"
        draft.faults.add("people-needs-through", line, text, f"subject: {{through: {dataset.people}, via: recording_id}}")
    elif not isinstance(draft.datasets[dataset.people].subject, ByField):
        text = f"{what}: {dataset.people!r} does not hold people itself"
        draft.faults.add("people-not-by-field", line, text, f"subject: {{KIND: FIELD}} in {dataset.people!r}")
    else:
        _field_in(draft, dataset.people, dataset.subject.link, line, what)


def with_people(draft: MapDraft) -> dict[str, Dataset]:
    """Let the dataset that the subject is found through list the people in a recording, where ``shared`` is stated without ``people``."""
    done = dict(draft.datasets)
    for name, dataset in draft.datasets.items():
        rule = dataset.subject
        single = isinstance(rule, Through) and not rule.further
        if single and not dataset.people and draft.has("datasets", name, "shared") and isinstance(rule, Through) and rule.dataset in done:
            done[name] = replace(dataset, people=rule.dataset)
    return done


def with_last_person(draft: MapDraft, datasets: Mapping[str, Dataset]) -> dict[str, Dataset]:
    """Let what is found through a dataset that several ways lead to stay and go with the item there."""
    done = dict(datasets)
    for name, dataset in datasets.items():
        if (
            not isinstance(dataset.subject, Through)
            or dataset.subject.further
            or not _below_several_ways(datasets, dataset.subject.dataset)
        ):
            continue
        done[name] = replace(dataset, shared=Shared.KEEP, people="")
        keeps = dataset.shared is Shared.KEEP or not draft.has("datasets", name, "shared")
        stated = {"many": dataset.subject.many, "shared": not keeps, "people": draft.has("datasets", name, "people")}
        for key in (each for each, said in stated.items() if said):
            line = draft.line("datasets", name, "subject" if key == "many" else key)
            text = f"datasets.{name} is found through what several ways lead to: an item goes when that goes, and stays when that stays"
            draft.faults.add("bad-shared", line, text, f"the dataset without {key}")
    return done


def _below_several_ways(datasets: Mapping[str, Dataset], name: str) -> bool:
    """Whether a dataset is found by several ways, or through one that is."""
    seen = set[str]()
    while name in datasets and name not in seen and isinstance(rule := datasets[name].subject, Through):
        if rule.further:
            return True
        seen.add(name)
        name = rule.dataset
    return False


def with_retention(draft: MapDraft, graph: Lineage) -> dict[str, Dataset]:
    """The datasets, each with a retention: its own, or for derived ones the shortest among its sources."""
    done = dict(draft.datasets)
    if graph.cycle({EdgeKind.DERIVED}):
        return done
    for name in (each for each in graph.order({EdgeKind.DERIVED}) if each in done):
        dataset = done[name]
        what = f"datasets.{name}"
        if isinstance(dataset.subject, ReferenceData):
            continue
        if dataset.retention:
            draft.known("unknown-retention", dataset.retention, draft.retention, draft.line("datasets", name, "retention"), what)
            continue
        sources = [done[source].retention for source in dataset.derived_from if source in done]
        finite = [draft.retention[source] for source in sources if source in draft.retention]
        if finite:
            done[name] = replace(dataset, retention=min(finite, key=lambda entry: entry.period.nominal).name)
        elif not dataset.derived_from:
            known = ", ".join(draft.retention) or "NAME, declared under retention:"
            draft.faults.add(
                "no-retention", dataset.line, f"{what} has no retention: nothing is kept forever", f"retention: one of {known}"
            )
    return done
