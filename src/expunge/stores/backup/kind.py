"""The declaration of the kind ``backup``."""

from __future__ import annotations

from expunge.ports.store_kind import ChoiceOption, SpanOption, StoreKind, TextOption, UrlForm, folder_url

FORMATS = ("pg_dump", "files", "archive")
"""``pg_dump``: plain, custom or directory. ``files``: a copied folder or file each. ``archive``: tar, zip and the like."""

KIND = StoreKind(
    layouts=(),
    url=UrlForm("a folder", "./backups", folder_url, about="a folder, `./backups`; no dataset lies in it"),
    options={
        "of": TextOption("the store that it backs up", "of: the name of a store", required=True),
        "format": ChoiceOption(
            f"how one is written: {', '.join(f'`{word}`' for word in FORMATS)}",
            f"format: one of {', '.join(FORMATS)}",
            required=True,
            words=FORMATS,
        ),
        "every": SpanOption("how often one is made", "every: 1 day, 12 hours, 5 weeks", required=True),
        "keep": SpanOption("how long one is kept", "keep: 30 days, 5 weeks", required=True),
    },
    no_datasets="declare the datasets in the store that is backed up; `of:` names it",
)
