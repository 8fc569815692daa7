"""The parts of the JSON Schema of a map about artefacts and groups of people."""

from __future__ import annotations

from typing import Any

from expunge.maps.document import words

Schema = dict[str, Any]

DATE = {
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "description": "A date or an instant: 2018-03-01, 2018-03-01T12:00:00Z; without an offset, of the `zone` of an order, else UTC.",
}
_VALUES = {
    "type": "object",
    "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "uniqueItems": True}]},
}


def _text(description: str = "") -> Schema:
    return {"type": "string", "pattern": "\\S", **({"description": description} if description else {})}


def values() -> Schema:
    """Fields with the values that choose items."""
    return _VALUES


def of_dataset() -> Schema:
    """Keys of a dataset."""
    reviewed = {key: _text() for key in words.REVIEWED}
    return {
        "kind": {"enum": [str(each) for each in words.KINDS], "description": "What it holds, in the words of orders of destruction."},
        "holds": {"enum": list(words.HOLDS), "description": "What it holds, as people are told on receipts and pages."},
        "collected": _text("The field that says when an item was collected; the one that retention runs from by default."),
        "reviewed_by": {
            "description": "Where it is recorded that people reviewed or annotated its items.",
            "type": "object",
            "properties": reviewed,
            "required": list(words.REVIEWED),
            "additionalProperties": False,
        },
        "artefact": _text("The field that names single artefacts, where the dataset holds several."),
        "created": {**DATE, "description": "When the one artefact that it is was made."},
        "origin": {"enum": list(words.ORIGINS), "description": "Whether each artefact is judged by its own sealed manifest."},
        "attest": _text("The command that makes an artefact again from exactly the records of its manifest, for comparison."),
        "on_expiry": {"enum": list(words.EXPIRIES), "description": "Whether it goes along with what outlives its period; it stays."},
    }


def cohort() -> Schema:
    """A group of people."""
    fields = {
        "dataset": _text("The dataset that says who exists."),
        "where": {**_VALUES, "description": "Field: values; one of them is enough."},
        "but_not": {**_VALUES, "description": "Field: values; whoever has one of them is not meant."},
    }
    return {
        "type": "object",
        "properties": {key: fields[key] for key in words.COHORT},
        "required": ["dataset"],
        "anyOf": [{"required": ["where"]}, {"required": ["but_not"]}],
        "additionalProperties": False,
    }


def trainings() -> Schema:
    """Return the schema of the place of artefacts' manifests."""
    fields = {"ledger": _text("The folder, beside the map."), "key": _text("The file with the key of its tags and seals.")}
    return {
        "type": "object",
        "description": "Where it is kept what single artefacts learnt from.",
        "properties": {key: fields[key] for key in words.TRAININGS},
        "required": list(words.TRAININGS),
        "additionalProperties": False,
    }


def provenance() -> Schema:
    """Return the schema of artefacts' origins."""
    fields = {
        "dataset": _text("The dataset whose rows record it."),
        "artefact": _text("Its field with DATASET/NAME of what was made."),
        "source": _text("Its field with DATASET or DATASET/NAME of what it was made from."),
        "how": _text("Its field with the way: trained on, fine-tuned from ..."),
        "created": _text("Its field with the time at which the artefact was made."),
        "read": _text("Its field with the time at which the source was read for it."),
    }
    return {
        "type": "object",
        "description": "Which dataset records what single artefacts were made from.",
        "properties": {key: fields[key] for key in words.PROVENANCE},
        "required": list(words.PROVENANCE[:3]),
        "additionalProperties": False,
    }
