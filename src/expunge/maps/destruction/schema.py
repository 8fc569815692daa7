"""The JSON Schema of an order, for editors and for checks without Expunge. Only reading the order checks that its parts fit together."""

from __future__ import annotations

from typing import Any

from expunge.core.datamap.artefact import ArtefactKind
from expunge.maps.destruction import words
from expunge.maps.schema import artefacts

Schema = dict[str, Any]

_NAME = "^[A-Za-z][A-Za-z0-9_.-]{0,62}$"
_PERIOD = {"type": "string", "pattern": "^[1-9][0-9]{0,5} (day|week|month|year)s?$"}


def json_schema() -> Schema:
    """The schema, draft 2020-12."""
    sections = {
        "version": {"const": 1},
        "name": _text("The order, as it is cited."),
        "authority": _text("Who ordered it."),
        "docket": _text("Where it is filed."),
        "source": _text("Where the text that this was written from is."),
        "facts": _texts("What the source says, each in one's own words with its provision."),
        "entered": {**artefacts.DATE, "description": "When it was entered: clocks run from then unless they say otherwise."},
        "zone": _text("The time zone of the order's dates, and of instants without one: America/Los_Angeles. UTC by default."),
        "covered": _covered(),
        "limbs": _named(_limb(), "The duties of the order, one by one."),
        "exemptions": _named(_exemption(), "What the order lets stay, while its reason lasts; each item is claimed by somebody."),
        "recipients": _named(_recipient(), "Who was given what, and has to be told."),
        "statement": _table(
            {"by": _text("Who signs."), "penalty": {"type": "boolean", "description": "Under penalty of perjury."}, "clocks": _clocks()},
            ("by",),
        ),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:expunge:order:1",
        "title": "Expunge order of destruction",
        "description": "A regulator's or a court's order to destroy data and what was made from it, as data.",
        **_table({key: sections[key] for key in words.ORDER}, words.REQUIRED),
    }


def _limb() -> Schema:
    fields = {
        "provision": _text("Where the order says it."),
        "takes": _kinds("What goes (retroactive), or must not come to be with deleted data in it (forward)."),
        "direction": {"enum": [str(each) for each in words.DIRECTIONS]},
        "trigger": {"enum": [str(each) for each in words.TRIGGERS], "description": "What about the covered data the dates are of."},
        "covered": _covered(),
        "subjects": {
            "description": "all, the name of a cohort of the map, or a cohort written out.",
            "anyOf": [_text(), artefacts.cohort()],
        },
        "since": artefacts.DATE,
        "before": artefacts.DATE,
        "clocks": _clocks(),
        "infeasible": _text("Who has to swear that something is technically infeasible; without it there is no such way out."),
        "counts": _texts("What the statement has to count: names of cohorts of the map."),
        "where": {
            "type": "object",
            "description": "Dataset: {field: values}. Of that dataset only items with one of them are covered.",
            "additionalProperties": artefacts.values(),
        },
        "unused_for": {**_PERIOD, "description": "Only people whose last interaction (`last_used` of the map) is so long ago."},
    }
    return _table({key: fields[key] for key in words.LIMB}, words.LIMB_REQUIRED)


def _exemption() -> Schema:
    fields = {
        "ground": _text("Why it may stay."),
        "authority": _text("Which law or authority asks for it."),
        "limbs": _texts("From which limbs."),
        "kinds": _kinds("Which kinds; all by default."),
        "since": artefacts.DATE,
        "until": artefacts.DATE,
    }
    return _table({key: fields[key] for key in words.EXEMPTION}, words.EXEMPTION_REQUIRED)


def _recipient() -> Schema:
    fields = {
        "limbs": _texts("What of the order concerns them."),
        "kinds": _kinds("What they have to destroy; what the limbs take by default."),
        "given_by": _text("Another recipient who passed it on; without it, we did."),
        "clocks": _clocks(),
        "blocked": {"type": "boolean", "description": "Whether nothing more is shared until they have confirmed; true by default."},
    }
    return _table({key: fields[key] for key in words.RECIPIENT}, ("limbs",))


def _covered() -> Schema:
    fields = {"kinds": _kinds("raw by default."), "categories": _texts("Fideslang categories; those below one count too.")}
    return {**_table({key: fields[key] for key in words.COVERED}), "description": "The data that the order, or one limb of it, is about."}


def _clocks() -> Schema:
    one = {"anyOf": [_PERIOD, _table({"within": _PERIOD, "of": _text("entry by default.")}, ("within",))]}
    return {"type": "object", "description": "What is due when: a period from entry, or from an event in the order's words.",
            "additionalProperties": one}  # fmt: skip


def _kinds(description: str) -> Schema:
    kinds = {"enum": [str(each) for each in ArtefactKind]}
    return {"type": "array", "items": kinds, "uniqueItems": True, "minItems": 1, "description": description}


def _text(description: str = "") -> Schema:
    return {"type": "string", "pattern": "\\S", **({"description": description} if description else {})}


def _texts(description: str) -> Schema:
    return {"type": "array", "items": _text(), "uniqueItems": True, "description": description}


def _table(properties: Schema, required: tuple[str, ...] = ()) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _named(entry: Schema, description: str) -> Schema:
    return {"type": "object", "description": description, "propertyNames": {"pattern": _NAME}, "additionalProperties": entry}
