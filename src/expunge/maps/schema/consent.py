"""The JSON Schema of the sections about consent."""

from __future__ import annotations

from typing import Any

from expunge.core.datamap.purposes import Ground, Use
from expunge.maps.document import words

Schema = dict[str, Any]

_TEXT = {"type": "string", "pattern": "\\S"}
_LIST = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "uniqueItems": True}]}
_NAMES = {"pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,62}$"}


def purposes() -> Schema:
    """``purposes``."""
    fields: Schema = {
        "description": {**_TEXT, "description": "What the data is used for, as people are told."},
        "needs": {"enum": [each.value for each in Ground], "description": "What the purpose rests on."},
        "use": {"enum": [each.value for each in Use], "description": "What is done with the data; one use for each purpose."},
        "datasets": {**_LIST, "description": "The datasets that are used for it."},
        "recipients": {**_LIST, "description": "Third parties that get the data, by name or kind."},
        "text": {**_TEXT, "description": "A name under texts: what people are told before they agree."},
        "readers": {
            "description": "The accounts that may open sealed recordings for it; any, without it.",
            "anyOf": [
                {"type": "string", "pattern": "\\S"},
                {"type": "array", "items": {"type": "string", "pattern": "\\S"}, "uniqueItems": True},
            ],
        },
        "because": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "Dataset -> why it cannot be done without; people may be asked for nothing else.",
        },
    }
    needs_text = {"if": {"properties": {"needs": {"const": "consent"}}}, "then": {"required": ["text"]}}
    entry = {
        "type": "object",
        "properties": {key: fields[key] for key in words.PURPOSE},
        "required": ["description", "needs", "use", "datasets"],
        "additionalProperties": False,
        **needs_text,
    }
    return _named(entry, "What data is used for, and what that rests on.")


def texts() -> Schema:
    """``texts``."""
    fields: Schema = {
        "version": {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$"}]},
        "file": {**_TEXT, "description": "A UTF-8 file beside the map. Once somebody has agreed to it, it stays as it is."},
        "change": {"enum": list(words.CHANGES), "description": "material (the default): everybody is asked again."},
        "reason": {**_TEXT, "description": "For a change of wording: why nobody has to be asked again."},
    }
    version = {
        "type": "object",
        "properties": {key: fields[key] for key in words.TEXT},
        "required": ["version", "file"],
        "additionalProperties": False,
        "if": {"properties": {"change": {"const": "wording"}}, "required": ["change"]},
        "then": {"required": ["reason"]},
    }
    return _named(
        {"type": "array", "items": version, "minItems": 1}, "What people are told before they agree, by version, the newest last."
    )


def guardians(period: Schema) -> Schema:
    """``guardians``."""
    return _named(
        {**period, "description": "The age from which the person decides alone: 13 years."}, "Kinds of identity that can be a child's."
    )


def asking(span: Schema) -> Schema:
    """``asking``."""
    fields: Schema = {
        "mail": {**_TEXT, "description": "smtp://USER:PASSWORD@HOST:PORT; ${NAME} is filled from the environment."},
        "sender": {**_TEXT, "description": "The address that mails come from."},
        "text_gateway": {**_TEXT, "description": "Takes a POST of {to, text} for each text message."},
        "text_key": {**_TEXT, "description": "Bearer token of the gateway."},
        "answer": {"type": "string", "pattern": "\\{token\\}", "description": "Where a parent answers: https://.../{request}/{token}."},
        "revoke": {**_TEXT, "description": "Where consent is taken back, as the second message says."},
        "delay": {**span, "description": "Between the first answer and the second message; 24 hours."},
    }
    return {
        "type": "object",
        "description": "How parents are asked by message.",
        "properties": {key: fields[key] for key in words.ASKING},
        "required": ["answer", "revoke"],
        "dependentRequired": {"mail": ["sender"], "text_gateway": ["text_key"]},
        "additionalProperties": False,
    }


def _named(entry: Schema, description: str) -> Schema:
    return {"type": "object", "description": description, "propertyNames": _NAMES, "additionalProperties": entry}
