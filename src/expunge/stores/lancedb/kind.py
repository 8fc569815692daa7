"""The declaration of the kind ``lancedb``."""

from __future__ import annotations

from expunge.ports.store_kind import ChoiceOption, NumberOption, StoreKind, UrlForm, folder_url

UNFINISHED_HOURS = 24

KIND = StoreKind(
    layouts=("table",),
    url=UrlForm("a folder", "./vectors", folder_url, about="a folder, `./lancedb`"),
    options={
        "tags": ChoiceOption(
            "what becomes of tags that keep old versions, `refuse` or `remove`",
            "tags: refuse, or tags: remove",
            words=("refuse", "remove"),
        ),
        "unfinished": NumberOption(
            "hours after which a file of no version counts as left behind", f"unfinished: {UNFINISHED_HOURS}", unit="hours"
        ),
    },
)
