"""The part of the JSON Schema about the act of an erasure on a dataset."""

from __future__ import annotations

from typing import Any

from expunge.core.datamap.datamap import ComparedBy
from expunge.maps.document import words

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string", "pattern": "\\S"}


def on_erase(span: Schema) -> Schema:
    """Return the schema of one act: a word, or a word with its ground or its command."""
    acts: list[Schema] = [{"enum": [str(each) for each in words.PLAIN_ACTS]}]
    for act in dict.fromkeys(words.ACTS_WITH_COMMAND + words.ACTS_WITH_ARGUMENT):
        argument = {"anyOf": [_TEXT, _command(span)]} if act in words.ACTS_WITH_COMMAND else _TEXT
        acts.append({"type": "object", "properties": {act: argument}, "required": [act], "additionalProperties": False})
    return {"description": "What an erasure does to it.", "anyOf": acts}


def _command(span: Schema) -> Schema:
    names = {"type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$"}
    fields = {
        "command": {**_TEXT, "description": "A program and its arguments, run in the folder of the map; no shell."},
        "prove": {**_TEXT, "description": "The command that makes the same from nothing, for comparison."},
        "compare": {
            "enum": [str(each) for each in ComparedBy],
            "description": "What has to be the same: bytes by default; weights, of formats that carry ids and times (MLflow, pickles).",
        },
        "within": {**span, "description": "How long it may take; 1 hour by default."},
        "memory": {"type": "string", "pattern": "^[1-9][0-9]{0,5} ?[MGT]iB$", "description": "What it may take; 4 GiB by default."},
        "network": {"enum": list(words.NETWORKS), "description": "Whether it may reach other machines; none by default."},
        "environment": {
            "description": "Names of variables that it gets, beside those that every program needs.",
            "anyOf": [names, {"type": "array", "items": names, "uniqueItems": True}],
        },
    }
    properties = {key: fields[key] for key in words.COMMAND}
    return {"type": "object", "properties": properties, "required": ["command"], "additionalProperties": False}
