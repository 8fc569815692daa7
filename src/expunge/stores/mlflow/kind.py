"""The declaration of the kind ``mlflow``."""

from __future__ import annotations

from expunge.ports.store_kind import ChoiceOption, FoldersOption, NumberOption, StoreKind, UrlForm, sqlite_url

BUSY_MS = 5000

KIND = StoreKind(
    layouts=("model", "experiment"),
    url=UrlForm("the backend's database file", "sqlite:///mlflow.db", sqlite_url, about="its backend database, `sqlite:///mlflow.db`"),
    options={
        "artifacts": FoldersOption(
            "the folder of its artifacts, `./mlartifacts`, or several, `{main: ./mlartifacts, old: ./mlruns}`",
            "artifacts: ./mlartifacts; artifacts in an object store are a store of kind s3 beside this one",
            required=True,
        ),
        "orphans": ChoiceOption(
            "what becomes of folders that no row knows, `remove` or `keep`",
            "orphans: remove, where nothing else writes to the folder of artifacts, or orphans: keep",
            words=("remove", "keep"),
        ),
        "busy_ms": NumberOption("how long to wait for another writer", f"busy_ms: {BUSY_MS}", unit="milliseconds"),
    },
)
