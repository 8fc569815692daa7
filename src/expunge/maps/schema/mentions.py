"""The part of the JSON Schema about cells of other people's rows that name the erased person."""

from __future__ import annotations

from typing import Any

from expunge.core.datamap.mentions import MentionAct
from expunge.maps.document import words

Schema = dict[str, Any]


def mentions() -> Schema:
    """Return the schema of the rules by column: ``null``, ``keep``, or a replacement."""
    replacement = {
        "type": "object",
        "properties": {word: {"type": ["string", "integer"]} for word in words.MENTION},
        "required": list(words.MENTION),
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "description": "Column -> what becomes of the erased person's identifier in other people's rows: null, {replace: VALUE} or keep.",
        "minProperties": 1,
        "additionalProperties": {"anyOf": [{"type": "null"}, {"enum": [MentionAct.NULL.value, MentionAct.KEEP.value]}, replacement]},
    }
