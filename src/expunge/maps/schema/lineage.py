"""The part of the JSON Schema of a map about observed lineage."""

from __future__ import annotations

from typing import Any

from expunge.maps.document import words

Schema = dict[str, Any]


def lineage() -> Schema:
    """The section ``lineage``."""
    text = {"type": "string", "pattern": "\\S"}
    name = {"type": "string", "pattern": "/", "description": "Namespace and name of OpenLineage, joined by /; * stands for any characters."}
    harmless = {key: name if key == "name" else text for key in words.HARMLESS}
    properties = {
        "names": {
            "type": "object",
            "additionalProperties": {"anyOf": [name, {"type": "array", "items": name, "uniqueItems": True}]},
            "description": "Dataset: what pipelines call it.",
        },
        "ignore": {
            "type": "array",
            "items": {"type": "object", "properties": harmless, "required": list(words.HARMLESS), "additionalProperties": False},
            "description": "What pipelines read or write that is about nobody, each with the reason.",
        },
        "emit": {
            "type": "object",
            "properties": dict.fromkeys(words.EMIT, text),
            "required": ["url"],
            "additionalProperties": False,
            "description": "Where erasures are told as OpenLineage events.",
        },
    }
    return {"type": "object", "properties": properties, "additionalProperties": False, "description": "What pipelines were seen to do."}
