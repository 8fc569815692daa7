"""The declaration of the kind ``postgres``."""

from __future__ import annotations

from pathlib import PurePath

from expunge.ports.store_kind import NumberOption, StoreKind, TableNames, TextOption, UrlForm
from expunge.stores.tables.accepted_triggers import OPTION, TRIGGERS

LOCK_MS = 5000


def _url(_: PurePath, text: str) -> str:
    return text if text.startswith(("postgresql://", "postgres://")) else ""


KIND = StoreKind(
    layouts=("table",),
    url=UrlForm(
        "a database",
        "${APP_DB}, filled with postgresql://HOST/NAME",
        _url,
        about="a database, `${APP_DB}` filled with `postgresql://ROLE@HOST/NAME`",
    ),
    options={
        "clock": TextOption(
            "what the provider promises about copies of its own, quoted in receipts", "clock: snapshots of the provider end after 35 days"
        ),
        "lock_ms": NumberOption("the longest wait for a lock", f"lock_ms: {LOCK_MS}", unit="milliseconds", least=1),
        OPTION: TRIGGERS,
    },
    tables=TableNames(schema="public"),
    mentions=True,
    members=True,
)
