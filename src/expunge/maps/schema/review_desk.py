"""The JSON Schema of ``review``."""

from __future__ import annotations

from typing import Any

from expunge.core.journal.review_words import Room

Schema = dict[str, Any]


def review_desk(span: Schema) -> Schema:
    """The review desk."""
    fields = {
        "lease": {**span, "description": "Length of a lease at most: 10 minutes by default, an hour at most."},
        "range": {**span, "description": "Length of a range at most: 5 minutes by default."},
        "training": {**span, "description": "How long training counts: 365 days by default, and at most."},
        "attestation": {**span, "description": "How long a statement of purpose counts: 90 days by default."},
        "login": {**span, "description": "How long ago a credential was shown, at most: 12 hours by default."},
        "fresh_login": {**span, "description": "The same to approve, to begin a lease, and for each step: 15 minutes by default."},
        "each_day": {**span, "description": "How much of recordings one reviewer is shown on a day: 2 hours by default."},
        "answer_within": {**span, "description": "How long a customer may take to answer a request; then it is denied. 7 days by default."},
        "hours": _hours(),
        "networks": {
            "type": "object",
            "additionalProperties": _texts(),
            "description": "Name -> networks from which recordings are reviewed: {office: [10.0.0.0/8]}; any by default.",
        },
        "children": {**_texts(), "description": "Datasets whose recordings may be about children, whatever their subjects are."},
        "cameras": {"type": "object", "additionalProperties": _camera(), "description": "Dataset -> the rooms that its cameras look at."},
        "live": _live(span),
        "policies": _text("The folder with Cedar rules of your own, which can only refuse."),
        "noticing": _text("A file that makes rules of noticing stricter: ./noticing.yaml."),
        "officer": _text("The mail address that is told each night that findings or incidents wait: privacy@example.com."),
    }
    return {**_table(fields), "description": "The review desk; without it no member of staff sees or hears a recording."}


def _hours() -> Schema:
    time = {"type": "string", "pattern": "^([01][0-9]|2[0-4]):[0-5][0-9]$"}
    fields = {
        "days": {**_texts(), "description": "Days of the week: monday to friday by default."},
        "from": {**time, "description": "08:00 by default; with quotes."},
        "until": {**time, "description": "18:00 by default."},
        "zone": _text("Time zone, such as Europe/Berlin; UTC by default."),
    }
    return {**_table(fields), "description": "When recordings are reviewed."}


def _camera() -> Schema:
    fields = {
        "room": {"enum": [room.value for room in Room], "description": "What all of its cameras look at."},
        "field": _text("The field whose text names the place of the camera, where that differs."),
    }
    return {**_table(fields), "minProperties": 1, "maxProperties": 1}


def _live(span: Schema) -> Schema:
    fields = {
        "streams": {**_texts(), "description": "Datasets whose every item is a live view."},
        "within": {**span, "description": "How long after its last byte a recording counts as live, sealed ones too."},
    }
    return {**_table(fields), "minProperties": 1, "description": "What tells that a camera records at this moment; none of it is shown."}


def _text(description: str) -> Schema:
    return {"type": "string", "pattern": "\\S", "description": description}


def _texts() -> Schema:
    return {"anyOf": [{"type": "string", "pattern": "\\S"}, {"type": "array", "items": {"type": "string"}, "uniqueItems": True}]}


def _table(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}
