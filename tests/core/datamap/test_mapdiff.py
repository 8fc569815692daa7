"""The digest changes exactly with what a map means; a review sees what is protected less."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from expunge.core.datamap.artefact import ArtefactKind, Cohort, Provenance, Reviewed
from expunge.core.datamap.datamap import (
    Aggregate,
    ArtefactOrigin,
    ByField,
    DataMap,
    Dataset,
    EraseAct,
    ExperimentLayout,
    IdentitySpec,
    Ignore,
    Inherited,
    ModelLayout,
    OnErase,
    OnExpiry,
    PathLayout,
    Retention,
    StoreSpec,
    TableLayout,
    Through,
)
from expunge.core.datamap.grounding import Grounding
from expunge.core.datamap.mapdiff import ChangeKind, Section, digest, map_diff, normalised
from expunge.core.datamap.purposes import Ground, Purpose, TextVersion, Use
from expunge.core.values.periods import Period

AGGREGATE = Aggregate("counts only", "groups of a hundred", "forbidden by policy", "checked first", "nobody tries it")
BASE = DataMap(
    stores={
        "app": StoreSpec("app", "postgres", "postgres://app:hunter2@db/app", {"password": "hunter2"}),
        "media": StoreSpec("media", "files", "/srv/media"),
    },
    datasets={
        "accounts": Dataset("accounts", "app", ByField({"account": "id"}), "life", layout=TableLayout("accounts")),
        "voice": Dataset(
            "voice",
            "media",
            ByField({"account": "id"}),
            "life",
            layout=PathLayout(("v/{id}.flac", "v/{id}.json")),
            grounding=Grounding.SCRUBBED,
        ),
        "text": Dataset("text", "app", Through("voice", "id"), "life", layout=TableLayout("text"), derived_from=("voice", "accounts")),
    },
    identities={"account": IdentitySpec("account", "accounts", "id", ("email", "phone"))},
    retention={"life": Retention("life", Period(days=30), "closed_at", "keep it", "contract", Period(months=6))},
    ignore=(Ignore("app", "django_*", "framework"), Ignore("media", "cache/*", "icons")),
    state="/srv/state",
    approvers={"priya": ("key-1",)},
)


def with_dataset(name, **changes):
    return replace(BASE, datasets={**BASE.datasets, name: replace(BASE.datasets[name], **changes)})


def with_store(name, **changes):
    return replace(BASE, stores={**BASE.stores, name: replace(BASE.stores[name], **changes)})


def with_retention(**changes):
    return replace(BASE, retention={"life": replace(BASE.retention["life"], **changes)})


SAME = {
    "another file": replace(BASE, source="/elsewhere/expunge.yaml"),
    "other lines": with_dataset("voice", line=99),
    "another order of datasets": replace(BASE, datasets=dict(reversed(BASE.datasets.items()))),
    "another order of ignores": replace(BASE, ignore=BASE.ignore[::-1]),
    "another order of sources": with_dataset("text", derived_from=("accounts", "voice")),
    "another order of paths": with_dataset("voice", layout=PathLayout(BASE.datasets["voice"].paths[::-1])),
    "another password": with_store("app", url="postgres://app:changed@db/app", options={"password": "changed"}),
}


@pytest.mark.parametrize("name", SAME)
def test_what_means_the_same_has_one_digest(name):
    assert digest(SAME[name]) == digest(BASE)
    assert map_diff(BASE, SAME[name]) == ()


DIFFERENT = {
    "state": (replace(BASE, state="/other"), Section.SETTINGS, "state", ChangeKind.CHANGED, False),
    "cooling off": (replace(BASE, cooling_off=timedelta(days=1)), Section.SETTINGS, "cooling_off", ChangeKind.CHANGED, False),
    "traces": (replace(BASE, traces_kept=timedelta(days=1)), Section.SETTINGS, "traces_kept", ChangeKind.CHANGED, True),
    "no approver": (replace(BASE, approvers={}), Section.APPROVERS, "priya", ChangeKind.REMOVED, True),
    "another key": (replace(BASE, approvers={"priya": ("key-2",)}), Section.APPROVERS, "priya", ChangeKind.CHANGED, True),
    "another host": (with_store("app", url="postgres://app:hunter2@other/app"), Section.STORES, "app", ChangeKind.CHANGED, True),
    "a window": (with_store("app", window="02:00-05:00"), Section.STORES, "app", ChangeKind.CHANGED, False),
    "kept longer": (with_retention(period=Period(months=2)), Section.RETENTION, "life", ChangeKind.CHANGED, True),
    "kept shorter": (with_retention(period=Period(days=20)), Section.RETENTION, "life", ChangeKind.CHANGED, False),
    "never inactive": (with_retention(inactive_after=None), Section.RETENTION, "life", ChangeKind.CHANGED, True),
    "kept": (with_dataset("text", on_erase=OnErase(EraseAct.KEEP, "law")), Section.DATASETS, "text", ChangeKind.CHANGED, True),
    "about nobody": (with_dataset("text", subject=AGGREGATE), Section.DATASETS, "text", ChangeKind.CHANGED, True),
    "shallower": (with_dataset("voice", grounding=Grounding.REMOVED), Section.DATASETS, "voice", ChangeKind.CHANGED, True),
    "a source less": (with_dataset("text", derived_from=("voice",)), Section.DATASETS, "text", ChangeKind.CHANGED, True),
    "another rule, same words": (
        with_dataset("text", subject=ByField({"dataset": "voice", "via": "id"})),
        Section.DATASETS,
        "text",
        ChangeKind.CHANGED,
        False,
    ),
    "another way in": (
        replace(BASE, identities={"account": replace(BASE.identities["account"], also=("email",))}),
        Section.IDENTITIES,
        "account",
        ChangeKind.CHANGED,
        False,
    ),
    "unused ones are looked for": (
        replace(
            BASE, identities={"account": replace(BASE.identities["account"], last_used={"voice": "at"}, inactive_after=Period(months=18))}
        ),
        Section.IDENTITIES,
        "account",
        ChangeKind.CHANGED,
        False,
    ),
    "ignored": (replace(BASE, ignore=(*BASE.ignore, Ignore("app", "*", "all"))), Section.IGNORE, "app: *", ChangeKind.ADDED, True),
    "looked at again": (replace(BASE, ignore=BASE.ignore[:1]), Section.IGNORE, "media: cache/*", ChangeKind.REMOVED, False),
    "forgotten": (
        replace(BASE, datasets={k: v for k, v in BASE.datasets.items() if k != "text"}),
        Section.DATASETS,
        "text",
        ChangeKind.REMOVED,
        True,
    ),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_means_something_else_is_seen_and_judged(name):
    after, section, entry, kind, weaker = DIFFERENT[name]
    assert digest(after) != digest(BASE)
    (change,) = map_diff(BASE, after)
    assert (change.section, change.name, change.kind, bool(change.weaker)) == (section, entry, kind, weaker)
    (back,) = map_diff(after, BASE)
    assert (
        back.kind
        is {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED, ChangeKind.CHANGED: ChangeKind.CHANGED}[kind]
    )


def test_a_change_shows_each_field_before_and_after():
    (change,) = map_diff(BASE, with_dataset("voice", grounding=None, shared="keep"))
    assert [(each.field, each.before, each.after) for each in change.fields] == [("shared", "erase", "keep"), ("grounding", "scrubbed", "")]


def test_no_password_is_shown_or_hashed():
    after = with_store("app", url="postgres://app:hunter3@db/other", options={"password": "hunter3", "dsn": "host=db password=hunter3"})
    assert "hunter" not in repr(map_diff(BASE, after))
    longer = with_store("app", url="host=db password=hunter4")
    assert digest(longer) == digest(with_store("app", url="host=db password=hunter5"))


PURPOSE = Purpose("training", "learn", Ground.CONSENT, Use.TRAINING, ("voice",), text="training")
ASKS = replace(BASE, purposes={"training": PURPOSE}, texts={"training": (TextVersion("1", "/texts/1.md"),)})

PURPOSES = {
    "one more": (BASE, ASKS, Section.PURPOSES, "data is used for one purpose more"),
    "wider": (ASKS, replace(ASKS, purposes={"training": replace(PURPOSE, datasets=("voice", "text"))}), Section.PURPOSES, "asked again"),
    "not asked": (ASKS, replace(ASKS, purposes={"training": replace(PURPOSE, needs=Ground.CONTRACT)}), Section.PURPOSES, "any more"),
    "younger": (
        replace(BASE, guardians={"profile": Period(months=192)}),
        replace(BASE, guardians={"profile": Period(months=156)}),
        Section.GUARDIANS,
        "ends earlier",
    ),
}


@pytest.mark.parametrize("name", PURPOSES)
def test_what_data_is_used_for_is_reviewed_and_voids_no_plan(name):
    before, after, section, why = PURPOSES[name]
    changes = [each for each in map_diff(before, after) if each.section is section]
    assert [why in each.weaker[0] for each in changes] == [True]
    assert digest(before) == digest(after)


def test_a_purpose_that_asks_for_less_is_no_reason_to_look_twice():
    narrow = replace(ASKS, purposes={"training": replace(PURPOSE, datasets=())})
    assert [each.weaker for each in map_diff(ASKS, narrow)] == [()]


def test_names_beyond_ascii_have_a_digest():
    assert digest(replace(BASE, ignore=(Ignore("app", "größe_*", "sizes"),))) != digest(
        replace(BASE, ignore=(Ignore("app", "grösse_*", "sizes"),))
    )


def test_looking_no_more_for_unused_profiles_protects_them_less():
    account = replace(BASE.identities["account"], last_used={"voice": "at", "text": "at"}, inactive_after=Period(months=18))
    watched = replace(BASE, identities={"account": account})
    for less, reason in (
        (replace(account, inactive_after=Period(months=24)), "unused data is kept longer"),
        (replace(account, inactive_after=None), "unused data is kept longer"),
        (replace(account, last_used={"voice": "at"}), "nobody looks for unused ones any more"),
    ):
        (change,) = map_diff(watched, replace(BASE, identities={"account": less}))
        assert change.weaker == (reason,)


def test_a_map_that_watches_nobody_has_the_digest_it_always_had():
    assert "last_used" not in str(normalised(BASE)["identities"])


REVIEWED = with_dataset("voice", reviewed_by=Reviewed("text", "recording_id", "at"), kind=ArtefactKind.RAW)


def test_what_orders_of_destruction_go_by_is_reviewed_and_seen_in_the_digest():
    assert [each.weaker for each in map_diff(REVIEWED, BASE)] == [
        ("orders of destruction take it for something else", "orders of destruction find reviews of it elsewhere, or nowhere")
    ]
    assert digest(REVIEWED) != digest(BASE)


def test_groups_of_people_and_records_of_models_void_no_plan():
    told = replace(
        BASE, cohorts={"children": Cohort("voice", {"child": frozenset({"1"})})}, provenance=Provenance("text", "made", "source")
    )
    assert [(each.section, each.name) for each in map_diff(BASE, told)] == [(Section.COHORTS, "children"), (Section.PROVENANCE, "text")]
    assert [each.weaker for each in map_diff(told, BASE)] == [(), ("nothing says any more what models were made from",)]
    assert digest(told) == digest(BASE)


def test_the_digest_of_each_layout_is_the_one_that_plans_were_approved_under():
    datasets = {
        "table": laid_out("table", TableLayout("public.clips"), on_expiry=OnExpiry.FOLLOW),
        "path": laid_out("path", PathLayout(("b/{id}.json", "a/{id}.flac"))),
        "model": laid_out("model", ModelLayout("intent"), origin=ArtefactOrigin.MANIFEST),
        "experiment": laid_out("experiment", ExperimentLayout("trials")),
    }
    stores = {"s": StoreSpec("s", "files", "/srv/s")}
    data_map = DataMap(stores, datasets, identities={}, retention={}, ignore=(), state="/srv/.expunge")
    assert digest(data_map) == "6f4cf8549b8ac247683e77aee921648873a386653fe9c38cc961a8f0d921b1d7"
    other = replace(data_map, datasets={**datasets, "model": laid_out("model", ExperimentLayout("intent"))})
    (change,) = map_diff(data_map, other)
    assert [(each.field, each.before, each.after) for each in change.fields] == [
        ("model", "intent", ""),
        ("experiment", "", "intent"),
        ("origin", "manifest", ""),
    ]


def laid_out(name, layout, **more):
    return Dataset(name, "s", Inherited(("a",)), "life", layout=layout, **more)
