"""The normal form of a map: its digest for drift checks, and the differences between two maps for review.

The form leaves out lines, the file's own path, the order of entries and passwords. Two maps that mean the same have one digest. A digest
reveals nothing about a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, dataclass, fields, is_dataclass
from datetime import date, timedelta
from enum import Enum, StrEnum
from hashlib import sha256
from ipaddress import ip_network
from typing import Any, TypeAlias

from expunge.core.accounts.accounts_spec import AccountsSpec, ProviderAudience
from expunge.core.accounts.app_spec import AppSpec
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.datamap.datamap import (
    AboutNobody,
    Aggregate,
    ArtefactOrigin,
    ByField,
    DataMap,
    Dataset,
    EraseAct,
    ExperimentLayout,
    IdentitySpec,
    Inherited,
    ModelLayout,
    OnErase,
    OnExpiry,
    PathLayout,
    ReferenceData,
    Retention,
    StoreSpec,
    TableLayout,
    Through,
    Undecided,
)
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.purposes import Ground, Purpose
from expunge.core.datamap.vault_root import RootKind, RootSpec
from expunge.core.values import tags
from expunge.core.values.canonical import Json, encode
from expunge.core.values.periods import Period
from expunge.core.values.record_kind import KEPT, RecordKind

_LEFT_OUT = frozenset({"line", "source", "follow", "secret"})
_WHEN_SET: Mapping[type, frozenset[str]] = {
    Purpose: frozenset({"because", "readers"}),
    Dataset: frozenset(
        {
            "records",
            "encoding",
            "members",
            "kind",
            "holds",
            "collected",
            "reviewed_by",
            "artefact",
            "created",
            "origin",
            "attest",
            "on_expiry",
            "mentions",
        }
    ),
    Through: frozenset({"to", "many", "further"}),
    ByField: frozenset({"also", "hashed"}),
    IdentitySpec: frozenset({"compare", "label", "last_used", "inactive_after"}),
    OnErase: frozenset({"compare"}),
    AccountsSpec: frozenset({"app", "password_memory", "playback", "posted"}),
    StoreSpec: frozenset({"scan"}),
}
"""Left out where the map does not say, so that a map which says nothing new has the digest it always had."""
_PIPELINES = "pipelines"
_UNORDERED = frozenset({"derived_from", "sources", "categories", "also", "outside", "paths", "readers", "hashed"})
_RULES = (ByField, Through, Inherited, Aggregate, ReferenceData, Undecided)
_SECRET = re.compile(r"(?i)(?<=://)[^/?#]*@|(?<=password=)[^\s&]+|(?<=secret=)[^\s&]+|(?<=token=)[^\s&]+")
_SECRET_NAME = re.compile(r"(?i)password|secret|token|key$")
_SETTINGS = ("state", "state_url", "longest_wait", "cooling_off", "traces_kept")


class ChangeKind(StrEnum):
    """The kind of change to one entry."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Section(StrEnum):
    """The part of a map that an entry is in, in the order of review."""

    SETTINGS = "settings"
    APPROVERS = "approvers"
    STORES = "stores"
    IDENTITIES = "identities"
    RETENTION = "retention"
    DATASETS = "datasets"
    IGNORE = "ignore"
    OPAQUE = "opaque"
    NOT_OURS = "not_ours"
    PURPOSES = "purposes"
    TEXTS = "texts"
    GUARDIANS = "guardians"
    COHORTS = "cohorts"
    PROVENANCE = "provenance"
    TRAININGS = "trainings"
    WITNESSES = "witnesses"
    VAULT_ROOT = "vault_root"
    COMPANY = "company"
    ACCOUNTS = "accounts"
    REVIEW = "review"
    LINEAGE = "lineage"
    RECIPIENTS = "recipients"
    LAWS = "laws"
    RECORDS = "records"


@dataclass(frozen=True)
class FieldChange:
    """One field of a changed entry, as text for people; empty where it is not set."""

    field: str
    before: str
    after: str


@dataclass(frozen=True)
class Change:
    """One entry that differs between two maps."""

    section: Section
    name: str
    kind: ChangeKind
    fields: tuple[FieldChange, ...] = ()
    weaker: tuple[str, ...] = ()
    """Why a reviewer should look twice: what is protected less than before. Empty for a change that protects as much or more."""


_NO_PLAN_NEEDS = frozenset({
    Section.PURPOSES, Section.TEXTS, Section.GUARDIANS, Section.COHORTS, Section.PROVENANCE, Section.TRAININGS, Section.LINEAGE,
    Section.RECIPIENTS, Section.LAWS, Section.WITNESSES, Section.RECORDS, Section.NOT_OURS, Section.VAULT_ROOT,
    Section.COMPANY, Section.ACCOUNTS, Section.REVIEW,
})  # fmt: skip

MapDiff: TypeAlias = tuple[Change, ...]
"""Differences in the order of :class:`Section`, then by name; empty when the maps mean the same."""


def normalised(data_map: DataMap) -> dict[str, Json]:
    """The map as plain JSON values in normal form, by section."""
    return {
        Section.SETTINGS.value: {name: _plain(getattr(data_map, name)) for name in _SETTINGS},
        Section.APPROVERS.value: {name: _plain_keys(keys) for name, keys in data_map.approvers.items()},
        Section.STORES.value: _plain(data_map.stores),
        Section.IDENTITIES.value: _plain(data_map.identities),
        Section.RETENTION.value: _plain(data_map.retention),
        Section.DATASETS.value: _plain(data_map.datasets),
        Section.IGNORE.value: {f"{each.store}: {each.pattern}": each.reason for each in data_map.ignore}
        | {f"{_PIPELINES}: {each.pattern}": each.reason for each in data_map.lineage.harmless},
        Section.PURPOSES.value: _plain(data_map.purposes),
        Section.TEXTS.value: {
            f"{name} {version.version}": _plain(version) for name, versions in data_map.texts.items() for version in versions
        },
        Section.GUARDIANS.value: _plain(data_map.guardians),
        Section.COHORTS.value: _plain(data_map.cohorts),
        Section.LINEAGE.value: _plain(data_map.lineage.names),
        Section.RECIPIENTS.value: _plain(data_map.recipients),
        Section.LAWS.value: {name: f"{rule.duty} ({rule.source})" for name, rule in data_map.laws.items()},
        Section.PROVENANCE.value: {data_map.provenance.dataset: _plain(data_map.provenance)} if data_map.provenance else {},
        Section.TRAININGS.value: {"manifests": _plain(data_map.trainings)} if data_map.trainings else {},
        # Left out where there are none: the normal form of a map that says nothing of them is as it was before they could be said.
        **({Section.OPAQUE.value: {f"{each.store}: {each.pattern}": each.reason for each in data_map.opaque}} if data_map.opaque else {}),
        **(
            {Section.NOT_OURS.value: {f"{each.store}: {each.database}": each.reason for each in data_map.not_ours}}
            if data_map.not_ours
            else {}
        ),
        **({Section.WITNESSES.value: {"log": _plain(data_map.witnesses)}} if data_map.witnesses else {}),
        **({Section.VAULT_ROOT.value: {"root": _plain(data_map.vault_root)}} if data_map.vault_root != RootSpec() else {}),
        **({Section.COMPANY.value: {"company": _plain(data_map.company)}} if data_map.company.name else {}),
        **({Section.ACCOUNTS.value: {"pages": _plain(data_map.accounts)}} if data_map.accounts else {}),
        **({Section.REVIEW.value: {"desk": _plain(data_map.review)}} if data_map.review else {}),
        **({Section.RECORDS.value: {kind.value: str(period) for kind, period in data_map.records.items()}} if data_map.records else {}),
    }


def _plain_keys(keys: tuple[str, ...]) -> Json:
    # Why one by itself: the digests of maps from before a person could have several stay what they were.
    return keys[0] if len(keys) == 1 else list(keys)


def _not_ours(data_map: DataMap) -> dict[str, str]:
    return {f"{each.store}: {each.database}": each.reason for each in data_map.not_ours}


def digest(data_map: DataMap) -> str:
    """Hex SHA-256 over the normal form: equal exactly when nothing that a plan depends on has changed."""
    depends_on = {name: value for name, value in normalised(data_map).items() if name not in _NO_PLAN_NEEDS}
    return sha256(encode(_ascii_keys(depends_on))).hexdigest()


def map_diff(before: DataMap, after: DataMap) -> MapDiff:
    """Return the differences of ``after`` from ``before``."""
    old, new = normalised(before), normalised(after)
    changes: list[Change] = []
    for section in Section:
        left, right = old.get(section.value, {}), new.get(section.value, {})
        assert isinstance(left, Mapping)
        assert isinstance(right, Mapping)
        for name in sorted({*left, *right}):
            kind = ChangeKind.ADDED if name not in left else ChangeKind.REMOVED if name not in right else ChangeKind.CHANGED
            if kind is ChangeKind.CHANGED and left[name] == right[name]:
                continue
            weaker = tuple(_weaker(section, name, kind, before, after))
            changes.append(Change(section, name, kind, tuple(_fields(left.get(name), right.get(name))), weaker))
    return tuple(changes)


def _plain(value: Any, name: str = "") -> Json:
    if isinstance(value, Period | timedelta | date):
        return str(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Enum):
        return value.word if isinstance(value, Grounding) else str(value.value)
    if is_dataclass(value):
        said = {field.name: getattr(value, field.name) for field in fields(value) if field.name not in _LEFT_OUT and _is_said(value, field)}
        body = {name: _plain(part, name) for key, each in said.items() for name, part in _keys(key, each)}
        return {tags.IS: tags.tag_of(type(value)), **body} if isinstance(value, _RULES) else body
    if isinstance(value, Mapping):
        return {str(key): _secretless(_plain(each, str(key)), str(key), name) for key, each in value.items()}
    if isinstance(value, tuple):
        items = [_plain(each) for each in value]
        return sorted(items, key=str) if name in _UNORDERED else items
    return _SECRET.sub("", value) if isinstance(value, str) else value


def _is_said(value: Any, field: Field[Any]) -> bool:
    """Whether a field counts: of those that came later, only where the map says something."""
    held = getattr(value, field.name)
    return field.name not in _WHEN_SET.get(type(value), frozenset()) or bool(held and held != field.default)


def _keys(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The keys under which a field stands: a layout has one for each way in which a dataset can be laid out, whichever is its own."""
    if name != "layout":
        yield name, value
        return
    yield "table", value.name if isinstance(value, TableLayout) else ""
    yield "paths", value.templates if isinstance(value, PathLayout) else ()
    yield "model", value.name if isinstance(value, ModelLayout) else ""
    yield "experiment", value.name if isinstance(value, ExperimentLayout) else ""


def _secretless(value: Json, key: str, inside: str) -> Json:
    """An option that is named like a secret counts as set, whatever it is."""
    return "set" if inside == "options" and isinstance(value, str) and _SECRET_NAME.search(key) else value


def _ascii_keys(value: Json) -> Json:
    """Keys of a map may be any text; canonical JSON wants ASCII."""
    if isinstance(value, Mapping):
        return {key.encode("unicode_escape").decode("ascii"): _ascii_keys(each) for key, each in value.items()}
    return value


def _fields(left: Json, right: Json) -> list[FieldChange]:
    if not isinstance(left, Mapping) or not isinstance(right, Mapping):
        return [FieldChange("", _shown(left), _shown(right))] if not isinstance(left or right, Mapping) else []
    names = [name for name in {**left, **right} if left.get(name) != right.get(name)]
    return [FieldChange(name, _shown(left.get(name)), _shown(right.get(name))) for name in names]


def _shown(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items() if key != tags.IS and each not in ("", None))
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    return str(value)


_WEAKER = {
    (Section.IGNORE, ChangeKind.ADDED): "what fits this pattern is not looked at any more",
    (Section.NOT_OURS, ChangeKind.ADDED): "nobody is reminded that such a database of the server cannot be looked at",
    (Section.OPAQUE, ChangeKind.ADDED): "what fits this pattern may stay unread, and orders are fulfilled all the same",
    (Section.STORES, ChangeKind.REMOVED): "orders do not reach it any more",
    (Section.DATASETS, ChangeKind.REMOVED): "orders do not reach it any more",
    (Section.IDENTITIES, ChangeKind.REMOVED): "orders do not reach it any more",
    (Section.PURPOSES, ChangeKind.ADDED): "data is used for one purpose more",
    (Section.REVIEW, ChangeKind.ADDED): "staff may see and hear recordings, as policies let them",
    (Section.RECIPIENTS, ChangeKind.ADDED): "data is handed to one recipient more",
    (Section.LAWS, ChangeKind.REMOVED): "a deadline is not counted any more",
    (Section.PROVENANCE, ChangeKind.REMOVED): "nothing says any more what models were made from",
}
"""What makes a reviewer look twice whatever the entry says."""


def _weaker(section: Section, name: str, kind: ChangeKind, before: DataMap, after: DataMap) -> list[str]:
    """The changes by which people's data becomes less protected."""
    if (section, kind) in _WEAKER:
        return [_WEAKER[section, kind]]
    match section, kind:
        case Section.APPROVERS, ChangeKind.ADDED | ChangeKind.CHANGED:
            more = set(after.approvers[name]) - set(before.approvers.get(name, ()))
            return ["another key can approve plans"] if before.approvers and more else []
        case Section.APPROVERS, ChangeKind.REMOVED:
            return [] if after.approvers else ["plans need no approval any more"]
        case Section.SETTINGS, _ if name == "traces_kept" and after.traces_kept < before.traces_kept:
            return ["returning data is looked for over a shorter time"]
        case Section.VAULT_ROOT, _:
            folder = RootKind.FOLDER
            return ["copies of the root's folder open epochs that were destroyed"] if _moves_to(folder, before, after) else []
        case Section.RECORDS, _:
            kept, were = (each.records.get(RecordKind(name), KEPT).nominal for each in (after, before))
            return ["records of orders are kept for a shorter time"] if kept < were else []
        case _, ChangeKind.CHANGED:
            return _weaker_entry(section, name, before, after)
        case _:
            return []


def _weaker_accounts(old: AccountsSpec | None, new: AccountsSpec | None) -> list[str]:
    if old is None or new is None:
        return []
    reasons = []
    if old.secure and not new.secure:
        reasons.append("people log in without TLS")
    if old.networks and (not new.networks or not all(_inside(network, old.networks) for network in new.networks)):
        reasons.append("staff may log in from more networks")
    if old.mail is not None and new.mail is not None and old.mail.sealed and not new.mail.sealed:
        reasons.append("mail, with codes in it, goes to its server without TLS")
    if old.playback and not new.playback:
        reasons.append("families hear recordings without a purpose that permits it")
    if new.password_memory < old.password_memory:
        reasons.append("a guess at a stolen hash of a password costs less")
    for audience in ProviderAudience:
        trusted = {(each.id, each.issuer) for each in old.providers_for(audience)}
        if any((each.id, each.issuer) not in trusted for each in new.providers_for(audience)):
            reasons.append(f"{audience} may log in by a further provider")
    given, had = new.handover, old.handover
    if given is not None and (had is None or set(given.keys) - set(had.keys)):
        reasons.append("one more key says who is guardian of whom")
    shown = {each.id: each for each in new.posted}
    if any(each.id not in shown or each.since < shown[each.id].since or shown[each.id].until < each.until for each in old.posted):
        reasons.append("the notice of an order is shown for a shorter time")
    if given is not None and not given.address_required and (had is None or had.address_required):
        reasons.append("a hand-over token counts without the mail address of its person")
    return [*reasons, *_weaker_app(old.app, new.app)]


def _weaker_app(old: AppSpec | None, new: AppSpec | None) -> list[str]:
    if new is None:
        return []
    if old is None or set(new.acts) - set(old.acts):
        return ["the company's app may do more for its customers"]
    reasons = []
    if new.fresh_login > old.fresh_login:
        reasons.append("the company's app may order deletions after an older login")
    if new.token_for > old.token_for:
        reasons.append("an access token of the company's app counts for longer")
    return reasons


def _inside(network: str, networks: Sequence[str]) -> bool:
    inner = ip_network(network)
    return any(inner.version == outer.version and inner.subnet_of(outer) for outer in map(ip_network, networks))  # type: ignore[arg-type]


def _moves_to(kind: RootKind, before: DataMap, after: DataMap) -> bool:
    return after.vault_root.kind is kind and before.vault_root.kind is not kind


def _weaker_entry(section: Section, name: str, before: DataMap, after: DataMap) -> list[str]:
    match section:
        case Section.RETENTION:
            return _weaker_retention(before.retention[name], after.retention[name])
        case Section.IDENTITIES:
            return _weaker_identity(before.identities[name], after.identities[name])
        case Section.DATASETS:
            return _weaker_dataset(before.datasets[name], after.datasets[name])
        case Section.PURPOSES:
            return _weaker_purpose(before.purposes[name], after.purposes[name])
        case Section.GUARDIANS:
            return ["authority of guardians ends earlier"] if after.guardians[name].nominal < before.guardians[name].nominal else []
        case Section.RECIPIENTS:
            return ["the recipient is handed more"] if set(after.recipients[name].gets) - set(before.recipients[name].gets) else []
        case Section.STORES:
            return ["orders reach another place"] if before.stores[name].url != after.stores[name].url else []
        case _:
            return _weaker_pages(section, before, after)


def _weaker_pages(section: Section, before: DataMap, after: DataMap) -> list[str]:
    match section, before.review, after.review:
        case Section.ACCOUNTS, _, _:
            return _weaker_accounts(before.accounts, after.accounts)
        case Section.REVIEW, ReviewSpec() as old, ReviewSpec() as new:
            return list(_weaker_review(old, new))
        case _:
            return []


def _weaker_review(old: ReviewSpec, new: ReviewSpec) -> Iterator[str]:
    longer = {
        "lease_minutes": "leases to see recordings last longer",
        "range_seconds": "staff may see longer ranges of recordings",
        "training_days": "training counts for longer",
        "attestation_days": "a reviewer's statement of purpose counts for longer",
        "login_seconds": "staff may see recordings after an older login",
        "fresh_login_seconds": "leases begin after an older login",
        "daily_seconds": "a reviewer is shown more on a day",
    }
    yield from (reason for name, reason in longer.items() if getattr(new.limits, name) > getattr(old.limits, name))
    before, after = old.limits.hours, new.limits.hours
    within = set(after.days) <= set(before.days) and before.first <= after.first and after.last <= before.last
    if not within or before.zone != after.zone:
        yield "recordings are reviewed at other hours"
    reached, allowed = ([network for each in spec.networks.values() for network in each] for spec in (new, old))
    if allowed and (not reached or not all(_inside(network, allowed) for network in reached)):
        yield "recordings are reviewed from more networks"
    if set(old.children) - set(new.children):
        yield "recordings of children take one approval less"
    if old.policies != new.policies and old.policies:
        yield "rules of the company's own are read from another place, or not at all"
    if any(new.cameras.get(name) != place for name, place in old.cameras.items()) or set(new.cameras) - set(old.cameras):
        yield "other recordings count as taken outdoors, which takes one approval less"


def _weaker_identity(old: IdentitySpec, new: IdentitySpec) -> list[str]:
    reasons = _unused_longer(old.inactive_after, new.inactive_after)
    if set(old.last_used) - set(new.last_used) and not reasons:
        reasons.append("nobody looks for unused ones any more")
    if any(old.spelling(name).folds and not new.spelling(name).folds for name in (new.key, *new.also)):
        reasons.append("capitals tell people apart: other spellings of a person are not the person's any more")
    return reasons


def _weaker_retention(old: Retention, new: Retention) -> list[str]:
    reasons = ["data is kept longer"] if new.period.nominal > old.period.nominal else []
    return reasons + _unused_longer(old.inactive_after, new.inactive_after)


def _unused_longer(old: Period | None, new: Period | None) -> list[str]:
    return ["unused data is kept longer"] if old and (new is None or new.nominal > old.nominal) else []


def _weaker_purpose(old: Purpose, new: Purpose) -> list[str]:
    reasons = ["nobody is asked for consent any more"] if old.needs is Ground.CONSENT and new.needs is not Ground.CONSENT else []
    if not new.terms.within(old.terms):
        reasons.append("it asks for more than before: whoever agreed has to be asked again")
    if old.readers and (not new.readers or set(new.readers) - set(old.readers)):
        reasons.append("more accounts may open recordings for it")
    return reasons


def _takes_of_others(dataset: Dataset) -> bool:
    """Whether the map says that an item of several people goes with one of them."""
    return isinstance(dataset.subject, Through) and dataset.subject.many


def _weaker_manifests(old: Dataset, new: Dataset) -> list[str]:
    judged = new.origin is ArtefactOrigin.MANIFEST
    reasons = []
    if judged and old.origin is not ArtefactOrigin.MANIFEST:
        reasons.append("what its own manifest clears stays")
    if old.attest and not new.attest and judged:
        reasons.append("its manifests are not compared with anything any more")
    return reasons


def _released(dataset: Dataset) -> frozenset[str]:
    """The columns of other people's rows that an erased person is taken out of."""
    return frozenset(column for column, rule in dataset.mentions.items() if rule.releases)


def _weaker_dataset(old: Dataset, new: Dataset) -> list[str]:
    reasons = []
    if new.on_erase.act is EraseAct.KEEP and old.on_erase.act is not EraseAct.KEEP:
        reasons.append("an erasure keeps it")
    if isinstance(new.subject, AboutNobody) and not isinstance(old.subject, AboutNobody):
        reasons.append("it counts as data about nobody")
    if _takes_of_others(new) and not _takes_of_others(old):
        reasons.append("an erasure may take what other people lose as well")
    if set(old.derived_from) - set(new.derived_from):
        reasons.append("a source is not followed any more")
    if old.kind != new.kind:
        reasons.append("orders of destruction take it for something else")
    if old.reviewed_by and old.reviewed_by != new.reviewed_by:
        reasons.append("orders of destruction find reviews of it elsewhere, or nowhere")
    if old.grounding is not None and (new.grounding or Grounding.NONE) < old.grounding:
        reasons.append("less depth is asked for")
    reasons += _weaker_manifests(old, new)
    if old.on_expiry is OnExpiry.FOLLOW and new.on_expiry is not OnExpiry.FOLLOW:
        reasons.append("it does not follow what outlives its period any more")
    if _released(old) - _released(new):
        reasons.append("identifiers stay in rows of other people")
    if set(old.paths) - set(new.paths):
        reasons.append("some paths are not looked at any more")
    return reasons
