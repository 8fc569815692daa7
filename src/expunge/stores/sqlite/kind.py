"""The declaration of the kind ``sqlite``."""

from __future__ import annotations

from expunge.ports.store_kind import AttachedOption, NumberOption, StoreKind, TableNames, UrlForm, sqlite_url
from expunge.stores.tables.accepted_triggers import OPTION, TRIGGERS

BUSY_MS = 5000

KIND = StoreKind(
    layouts=("table",),
    url=UrlForm("one file", "sqlite:///app.db", sqlite_url, about="one file, `sqlite:///app.db` (absolute: `sqlite:////srv/app.db`)"),
    options={
        "attach": AttachedOption(
            "`{alias: ./other.db}`, tables of it are `alias.table`", "attach: {alias: ./other.db}; the alias main is taken"
        ),
        "busy_ms": NumberOption("how long to wait for another writer", f"busy_ms: {BUSY_MS}", unit="milliseconds"),
        OPTION: TRIGGERS,
    },
    tables=TableNames(schema="main", any_case=True, attached="attach"),
    inside_others=True,
    mentions=True,
    members=True,
)
