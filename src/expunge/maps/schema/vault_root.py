"""The JSON Schema of ``vault_root``."""

from __future__ import annotations

from typing import Any

from expunge.core.datamap.vault_root import RootKind
from expunge.maps.document import words

Schema = dict[str, Any]


def vault_root() -> Schema:
    """The place that keeps the keys of the vault's epochs."""
    return {**_root(words.ROOT), "description": "Where the keys of the vault's epochs are kept: a folder of the state, without it."}


def _root(keys: tuple[str, ...]) -> Schema:
    fields = {
        "kind": {"enum": [each.value for each in RootKind], "description": "A folder of the state, a PKCS#11 token, or a transit engine."},
        "library": _text("Of pkcs11: the maker's library, such as /usr/lib/softhsm/libsofthsm2.so."),
        "token": _text("Of pkcs11: the token's label."),
        "url": _text("Of transit: https://keys.example.org:8200, or http to this machine alone."),
        "mount": _text("Of transit: where the engine is mounted; transit by default."),
        "prefix": _text("The beginning of the names of its keys; expunge by default."),
        "secret_file": _text("A file whose first line is the token's PIN, or the service's token."),
        "secret_variable": _text("The variable of the environment that holds it instead."),
    }
    if "before" in keys:
        fields["before"] = {**_root(words.FORMER_ROOT), "description": "The root that the vault moves away from."}
    return {"type": "object", "properties": {key: fields[key] for key in keys}, "required": ["kind"], "additionalProperties": False}


def _text(description: str) -> Schema:
    return {"type": "string", "pattern": "\\S", "description": description}
