"""Small sound data maps as values, for tests of the pure core."""

from __future__ import annotations

from expunge.core.datamap.datamap import (
    ByField,
    DataMap,
    Dataset,
    IdentitySpec,
    OnErase,
    PathLayout,
    Retention,
    StoreSpec,
    TableLayout,
    Through,
)
from expunge.core.datamap.grounding import Capabilities, Grounding
from expunge.core.values.periods import parse_period

LIFE = Retention("life", parse_period("30 days"), "closed_at", "keep the account", "contract")


def voice_company(**changes: OnErase) -> DataMap:
    """Accounts, profiles, recordings found by profile, transcripts found through recordings, in two stores."""
    datasets = [
        Dataset("accounts", "app", ByField({"account": "account_id"}), "life", layout=TableLayout("accounts")),
        Dataset("profiles", "app", ByField({"profile": "profile_id"}), "life", layout=TableLayout("profiles")),
        Dataset(
            "recordings", "media", ByField({"profile": "profile_id"}), "life", layout=PathLayout(("v/{profile_id}/{recording_id}.wav",))
        ),
        Dataset("transcripts", "app", Through("recordings", "recording_id"), "life", layout=TableLayout("transcripts")),
    ]
    datasets = [_with(each, changes.get(each.name)) for each in datasets]
    return DataMap(
        stores={"app": StoreSpec("app", "sqlite", "sqlite:////app.db"), "media": StoreSpec("media", "files", "/media")},
        datasets={each.name: each for each in datasets},
        identities={
            "account": IdentitySpec("account", "accounts", "account_id", ("email",)),
            "profile": IdentitySpec("profile", "profiles", "profile_id", member_of="account"),
        },
        retention={"life": LIFE},
        ignore=(),
        state="/state",
    )


def _with(dataset: Dataset, act: OnErase | None) -> Dataset:
    from dataclasses import replace

    return dataset if act is None else replace(dataset, on_erase=act)


SCRUBS = {"app": Capabilities(Grounding.SCRUBBED, exclusive=True), "media": Capabilities(Grounding.SCRUBBED)}
