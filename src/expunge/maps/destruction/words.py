"""The words that an order may hold, in one place for the reader, the JSON Schema and the documentation."""

from __future__ import annotations

from expunge.core.disgorgement.disgorgement import Direction, Trigger

ORDER = (
    "version",
    "name",
    "authority",
    "docket",
    "source",
    "facts",
    "entered",
    "zone",
    "covered",
    "limbs",
    "exemptions",
    "recipients",
    "statement",
)
REQUIRED = ("version", "name", "authority", "docket", "source", "facts", "entered", "limbs")
COVERED = ("kinds", "categories")
LIMB = (
    "provision",
    "takes",
    "direction",
    "trigger",
    "covered",
    "subjects",
    "since",
    "before",
    "clocks",
    "infeasible",
    "counts",
    "where",
    "unused_for",
)
LIMB_REQUIRED = ("provision", "takes", "direction", "trigger")
EXEMPTION = ("ground", "authority", "limbs", "kinds", "since", "until")
EXEMPTION_REQUIRED = ("ground", "authority", "limbs")
RECIPIENT = ("limbs", "kinds", "given_by", "clocks", "blocked")
STATEMENT = ("by", "penalty", "clocks")
CLOCK = ("within", "of")

TRIGGERS = tuple(Trigger)
DIRECTIONS = tuple(Direction)
ENTRY = "entry"

RULES = (
    "anchor",
    "bad-category",
    "bad-date",
    "bad-kind",
    "bad-name",
    "bad-period",
    "bad-version",
    "bad-word",
    "bad-zone",
    "chooses-nobody",
    "circular-recipients",
    "coerced-value",
    "duplicate-item",
    "duplicate-key",
    "empty",
    "exemption-of-nothing",
    "impossible-window",
    "missing-environment",
    "missing-key",
    "no-limbs",
    "not-text",
    "overlapping-exemptions",
    "reviewed-of-some",
    "syntax",
    "tab",
    "tag",
    "too-big",
    "too-deep",
    "unknown-key",
    "unknown-limb",
    "unknown-recipient",
    "used-takes-covered",
    "where-of-some",
    "wrong-type",
)
"""The kinds of fault."""
