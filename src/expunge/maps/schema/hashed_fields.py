"""The part of the JSON Schema about subject fields that hold hashes of identifiers."""

from __future__ import annotations

from typing import Any

from expunge.maps.document import words

Schema = dict[str, Any]


def spelling() -> Schema:
    """Return the schema of the ways of making hashes, one for all subject fields or by field."""
    secret = {"type": "string", "pattern": r"\$\{", "description": "Filled from the environment: ${AD_KEY}."}
    salt = {"type": "object", "properties": dict.fromkeys(words.SALT, secret), "minProperties": 1, "maxProperties": 1}
    keyed = {
        "type": "object",
        "properties": {
            **dict.fromkeys(words.HMACS, secret),
            **{word: {**salt, "additionalProperties": False} for word in words.HASHES},
        },
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    rule = {"anyOf": [{"enum": list(words.HASHES)}, keyed]}
    return {
        "description": "Subject fields that hold hashes of identifiers: the way in which they are made, for all of them or by field.",
        "anyOf": [*rule["anyOf"], {"type": "object", "minProperties": 1, "additionalProperties": rule}],
    }
