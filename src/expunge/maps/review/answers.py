"""Write one answer into the text of a map."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import yaml

from expunge.core.values.periods import parse_period
from expunge.maps.document import words
from expunge.maps.document.edits import CannotEdit, changed_entry, moved_to_list, without_line
from expunge.maps.proposal.map_text import SUBJECT_HINT, quoted, word
from expunge.maps.review.open_questions import MapQuestion, open_keys, with_open_keys

YES = frozenset({"y", "yes"})
_KEYS = {"identities": words.IDENTITY, "datasets": words.DATASET}
_RULES = ("subject", "about", "vocabulary", "aggregate", "derived_from", "on_erase")


def answered(text: str, question: MapQuestion, answer: str, columns: Sequence[str] = ()) -> str:
    """Return the text of the map with an answer to a question in it.

    Args:
        text: the map, without a byte order mark.
        question: one of :func:`expunge.maps.review.open_questions.open_questions` of this text.
        answer: ``y`` for what is proposed; for a dataset ``nobody``, or ``ignore: REASON``; else the value of a retention's key, or keys of
            the entry as YAML.
        columns: those of the table that the question is about, as far as they are known.

    Raises:
        CannotEdit: for an answer that cannot be understood or written; the message says why.
    """
    if answer.lower() in YES:
        if not question.proposed:
            message = "there is nothing proposed to say yes to"
            raise CannotEdit(message)
        if question.key:
            return _noted(text, question)
        return changed_entry(text, question.section, question.name, put={}, drop=("guess",))
    if question.key:
        _require_fit(question, answer)
        return _noted(changed_entry(text, question.section, question.name, put={question.key: word(answer)}), question)
    if question.section == "datasets" and answer.lower().startswith("ignore:"):
        return _ignored(text, question, answer.partition(":")[2].strip())
    put = _keys("about: nobody" if answer.lower() == "nobody" and question.section == "datasets" else answer, question)
    drop = [*_replaced(text, question, put), "guess"] if question.section == "datasets" else ["guess"]
    if question.section == "datasets" and "about" not in put and "aggregate" not in put:
        put = {**_retention(text, question, columns), **put}
    done = changed_entry(text, question.section, question.name, put=put, drop=[key for key in drop if key not in put])
    return without_line(done, question.section, question.name, SUBJECT_HINT)


def _require_fit(question: MapQuestion, answer: str) -> None:
    """Raise CannotEdit for a period where something else is asked for, and for what is none where a period is."""
    try:
        period = parse_period(answer)
    except ValueError as error:
        if question.key == "period":
            message = f"{answer!r} is not understood: {error}"
            raise CannotEdit(message) from error
        return
    if question.key != "period":
        wanted = {"from": "the name of a field", "purpose": "what it is used for", "need": "why that needs it"}[question.key]
        message = f"{str(period)!r} is a period, and {wanted} is asked for here"
        raise CannotEdit(message)


def _noted(text: str, question: MapQuestion) -> str:
    """Return the text with the guess of a retention naming what is still open, so that nothing is asked twice."""
    said = _entry(text, question).get("guess")
    left = [key for key in open_keys(str(said)) if key != question.key]
    if said is None or not left:
        return text
    return changed_entry(text, question.section, question.name, put={"guess": quoted(with_open_keys(str(said), left))})


def settled(text: str, question: MapQuestion) -> str:
    """Return the text without the guess of a retention all of whose keys are decided. Raises CannotEdit."""
    return changed_entry(text, question.section, question.name, put={}, drop=("guess",))


def _ignored(text: str, question: MapQuestion, reason: str) -> str:
    """Move a dataset to the places that are not looked into, with a person's reason."""
    if not reason:
        message = "say why nobody is in it, such as ignore: drafts of the company's own adverts"
        raise CannotEdit(message)
    entry = _entry(text, question)
    key = next((each for each in ("table", "path") if each in entry), "")
    if not key:
        message = f"{question.place} is neither a table nor files: it cannot be ignored"
        raise CannotEdit(message)
    patterns = entry[key]
    places = [re.sub(r"\{[^}]*\}", "*", str(each)) for each in (patterns if isinstance(patterns, list) else [patterns])]
    items = [f"{{store: {word(str(entry['store']))}, {key}: {quoted(each)}, reason: {quoted(reason)}}}" for each in places]
    return moved_to_list(text, question.section, question.name, "ignore", items)


def _keys(answer: str, question: MapQuestion) -> dict[str, str]:
    """The keys of an answer with their values as they were typed."""
    known = [key for key in _KEYS[question.section] if key != "guess"]
    example = "subject: {user: user_id}" if question.section == "datasets" else "key: user_id"
    try:
        node = yaml.compose(answer, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        message = f"that is no line of YAML, such as {example}"
        raise CannotEdit(message) from error
    if not isinstance(node, yaml.MappingNode) or not node.value:
        message = f"write keys of the entry, such as {example}"
        raise CannotEdit(message)
    unknown = [key.value for key, _ in node.value if not isinstance(key, yaml.ScalarNode) or key.value not in known]
    if unknown:
        message = f"an entry of {question.section} has no key {unknown[0]!r}; write for instance {example}"
        raise CannotEdit(message)
    return {key.value: answer[value.start_mark.index : value.end_mark.index].strip() for key, value in node.value}


def _replaced(text: str, question: MapQuestion, put: Mapping[str, str]) -> list[str]:
    """The keys that an answer takes the place of."""
    before = _entry(text, question)
    if "about" in put:
        return [key for key in before if key not in words.REFERENCE or key in _RULES]
    if "aggregate" in put:
        return [*_RULES, "mentions"]
    if "derived_from" in put:
        return ["about", "vocabulary", "aggregate", *([] if before.keys() & {"derived_from"} else ["subject"])]
    if "subject" in put:
        # Why: what was derived from people as a whole is found by its subject from now on.
        whole = ["derived_from", "on_erase"] if "subject" not in before else []
        return ["about", "vocabulary", "aggregate", *whole]
    return []


def _retention(text: str, question: MapQuestion, columns: Sequence[str]) -> dict[str, str]:
    """The retention that an entry without one gets: the first that runs from a column of its table, else the first of the map."""
    if "retention" in _entry(text, question):
        return {}
    kept = yaml.load(text, Loader=yaml.BaseLoader).get("retention")  # noqa: S506 - makes text, lists and tables
    own = [name for name, each in (kept or {}).items() if isinstance(each, dict) and each.get("from") in columns]
    return {"retention": next(iter((*own, *kept)))} if kept else {}


def _entry(text: str, question: MapQuestion) -> dict[str, object]:
    found = yaml.load(text, Loader=yaml.BaseLoader)[question.section][question.name]  # noqa: S506 - makes text, lists and tables
    return found if isinstance(found, dict) else {}
