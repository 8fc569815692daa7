"""``expunge map review``: ask a person what a map leaves open, and write the answers into it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import typer

from expunge.cli.terminal import options, output
from expunge.cli.terminal.exit_codes import Exit
from expunge.errors import UsageError

if TYPE_CHECKING:
    from expunge.survey import MapQuestion, MapReview, TableCounts

_GUESS = re.compile(r', guess: "(?:[^"\\]|\\.)*"')
"""The guess of an entry in one line: the reason says it again."""
_CHOICES = "y: as proposed; Enter: later; b: back to the question before; ?: what else can be said; q: stop"
_TRIES = 3
"""How often a question is asked that lines of stdin answer wrongly."""
_HELP = {
    "retention": ("the value alone, without quotes: 90 days, created_at, answer the request",),
    "identities": ("keys of the entry as YAML: key: user_id", "or also: [email]"),
    "datasets": (
        "subject: {KIND: FIELD}, or subject: {through: DATASET, via: FIELD}, or {through: DATASET, via: {FIELD HERE: FIELD THERE}}",
        "subject: {through: {DATASET: FIELD THERE, DATASET: FIELD THERE}, via: FIELD HERE}: a row goes with the last person",
        "nobody: it lists things, and no row is about a person",
        "ignore: REASON: it is not looked into, and the receipt names it with this reason",
        "several keys at once: {subject: {user: sender_id}, mentions: {recipient_id: null}}",
    ),
}
"""What can be answered beside *yes*, by section of the map."""


def review(map_file: options.Map = None, as_json: options.Json = False) -> None:
    """Ask about each open guess and each text that is still to be said, and write the answers into the map.

    Each answer is written at once, whole or not at all; comments and order stay. Enter leaves a question open; b takes the answer before
    back, and asks for it again. Without a terminal, answers are read from stdin, one a line; a line that answers nothing is named, and its
    question asked again after the others. With --json the open questions are listed, and none is asked. Exit code 1 while any is open.
    """
    from expunge import survey

    reviewed = survey.review(map_file)
    if as_json:
        questions = [_as_json(each, reviewed.counts.get(each.name)) for each in reviewed.questions]
        output.write_json("map-review/1", {"map": reviewed.path, "open": questions})
    elif reviewed.questions:
        reviewed = _asked(reviewed)
    if not as_json:
        left = len(reviewed.questions)
        output.say(
            f"{output.count(left, 'question')} left in {output.visible(str(reviewed.path))}; until then no order is planned"
            if left
            else "nothing is left to decide; run expunge check"
        )
    if reviewed.questions:
        raise typer.Exit(1)


class _Typed:
    """The answers of a program or a file, one a line."""

    def __init__(self) -> None:
        """Read the first line. Raises UsageError where there is none."""
        self.number = 0
        self._lines = _answers()

    def next(self) -> str | None:
        """Return the next line; None after the last."""
        self.number += 1
        return next(self._lines, None)


def _asked(reviewed: MapReview) -> MapReview:
    """Ask every question once, in the order of the file. What a line of stdin did not answer is asked again after the others."""
    typed = None if sys.stdin.isatty() else _Typed()
    places = [each.place for each in reviewed.questions]
    said: set[str] = set()
    earlier: dict[str, str] = {}
    for _ in range(_TRIES):
        wrong: list[str] = []
        reviewed, ended = _round(reviewed, places, typed, said, earlier, wrong)
        if ended or not wrong:
            break
        places = wrong
    return reviewed


def _round(
    reviewed: MapReview, places: Sequence[str], typed: _Typed | None, said: set[str], earlier: dict[str, str], wrong: list[str]
) -> tuple[MapReview, bool]:
    """Ask some questions; return the review, and whether no more is to be asked."""
    asked: list[tuple[int, MapReview, set[str], dict[str, str]]] = []
    at = 0
    while at < len(places):
        place, number = places[at], at + 1
        question = next((each for each in reviewed.questions if each.place == place), None)
        if question is None:
            at += 1
            continue
        if not question.proposed:
            question = replace(question, proposed=earlier.get(question.key, ""))
        for line in _shown(question, reviewed.counts.get(question.name), f"{number} of {len(places)}"):
            output.note(output.visible(line))
        before = (at, reviewed, set(said), dict(earlier))
        try:
            found = _decided(reviewed, question, typed, said, earlier)
            if isinstance(found, _Back):
                at, reviewed = _taken_back(reviewed, asked, said, earlier, at)
                continue
        except typer.Abort:
            output.note(f"stopped; {len(said)} answers are in the map")
            raise typer.Exit(Exit.INTERRUPTED) from None
        if found is None:
            return reviewed, True
        if isinstance(found, UsageError):
            wrong.append(place)
            output.note(f"    line {typed.number if typed else 0}: {place}: {output.visible(found.message)}; {output.visible(found.help)}")
            output.note("    it stays open, and is asked again after the others")
        else:
            reviewed = found
        asked.append(before)
        at += 1
    return reviewed, False


class _Back:
    """The answer that asks for the question before."""


_LEAVING = {"q": None, "quit": None, "b": _Back(), "back": _Back()}


def _taken_back(
    reviewed: MapReview, asked: list[tuple[int, MapReview, set[str], dict[str, str]]], said: set[str], earlier: dict[str, str], at: int
) -> tuple[int, MapReview]:
    """Take back the answer to the question before; return its place in the order of questions, and the review as it was then."""
    from expunge import survey

    if not asked:
        output.note("    this is the first question")
        return at, reviewed
    before, then, told, proposed = asked.pop()
    restored = survey.take_back(reviewed, then)
    said.clear()
    said.update(told)
    earlier.clear()
    earlier.update(proposed)
    return before, restored


def _decided(
    reviewed: MapReview, question: MapQuestion, typed: _Typed | None, said: set[str], earlier: dict[str, str]
) -> MapReview | UsageError | _Back | None:
    """The review after the answer to one question, or why that answer is none; None where no more is to be asked.

    A person may answer again at once. ``earlier``: key of a retention -> what was said there last, which is proposed where nothing else is.
    """
    from expunge import survey

    while True:
        if typed is None:
            answer = str(typer.prompt(f"{question.asked} [{_CHOICES}]", default="", show_default=False, err=True)).strip()
        elif (told := typed.next()) is None:
            return None
        else:
            answer = told
        if answer.lower() in _LEAVING:
            return _LEAVING[answer.lower()]
        if not answer:
            return reviewed
        if answer == "?":
            for each in _HELP[question.section]:
                output.note(f"    {each}")
            continue
        if answer.lower() in {"y", "yes"} and question.proposed and question.proposed == earlier.get(question.key):
            answer = question.proposed
        same = [each.place for each in reviewed.questions if (each.section, each.name) == (question.section, question.name)]
        try:
            done = survey.decide(reviewed, question, answer, settles=bool(question.key) and {*same} <= {*said, question.place})
        except UsageError as error:
            if typed is not None:
                return error
            output.note(f"    {output.visible(error.message)}; {output.visible(error.help)}")
            continue
        said.add(question.place)
        if question.key in {"purpose", "need"}:
            earlier[question.key] = question.proposed if answer.lower() in {"y", "yes"} else answer
        return done


def _answers() -> Iterator[str]:
    """The lines of stdin. Raises UsageError where there is none."""
    first = sys.stdin.readline()
    if not first:
        message = "there is no terminal to ask on, and stdin holds no answers"
        raise UsageError(message, help="run it on a terminal, give one answer a line on stdin, or list the questions with --json")
    yield first.strip()
    for line in sys.stdin:
        yield line.strip()


def _shown(question: MapQuestion, counts: TableCounts | None, which: str) -> Iterator[str]:
    yield f"({which}) {question.place}, line {question.line}"
    said = (_GUESS.sub("", line) for line in question.entry if not line.strip().startswith("guess:"))
    yield from (f"    | {line}" for line in said)
    yield f"    why this is asked: {question.reason}"
    if counts is not None:
        yield f"    now: {output.count(counts.rows, 'row')}; columns: {', '.join(counts.columns)}"
    if question.proposed:
        yield f"    proposed: {question.proposed}"
    if question.means:
        yield f"    yes means: {question.means}"


def _as_json(question: MapQuestion, counts: TableCounts | None) -> dict[str, Any]:
    return {
        "section": question.section,
        "name": question.name,
        "key": question.key,
        "line": question.line,
        "reason": question.reason,
        "proposed": question.proposed,
        "means": question.means,
        "rows": counts.rows if counts else None,
        "columns": counts.columns if counts else [],
    }
