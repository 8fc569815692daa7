"""The act of an erasure on a dataset, as a map declares it: the act, the command that carries it out, and the command's limits."""

from __future__ import annotations

import re
from datetime import timedelta

from expunge.core.datamap.datamap import ComparedBy, EraseAct, OnErase
from expunge.core.values.periods import parse_span
from expunge.maps.document import words
from expunge.maps.document.faults import did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import ScalarNode, TableNode, Value
from expunge.ports.commands import words_of

_SIZE = re.compile(r"([1-9][0-9]{0,5}) ?([MGT]iB)")
_BYTES = {"MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_on_erase(form: Form, value: Value | None, what: str) -> OnErase:
    """Read the act; ``erase`` where none is stated or a fault was noted."""
    if value is None:
        return OnErase()
    if isinstance(value, TableNode) and len(value.entries) == 1:
        word, argument = value.entries[0]
        if word.text in words.ACTS_WITH_COMMAND:
            return _by_command(form, EraseAct(word.text), argument, f"{what}.{word.text}")
        if word.text in words.ACTS_WITH_ARGUMENT:
            return OnErase(EraseAct(word.text), form.text(argument, f"{what}.{word.text}") or "")
        return _not_understood(form, word, what)
    if not isinstance(value, ScalarNode):
        form.faults.add("bad-on-erase", value.line, f"{what} is one act", 'on_erase: erase, or {retrain: "make train"}')
        return OnErase()
    if value.text in words.PLAIN_ACTS:
        return OnErase(EraseAct(value.text))
    if value.text in words.ACTS_WITH_ARGUMENT:
        needed = "its ground" if value.text == EraseAct.KEEP else "its command"
        text = f"{what}: {value.text} needs {needed}"
        form.faults.add("act-needs-argument", value.line, text, f'on_erase: {{{value.text}: "{needed}"}}')
        return OnErase()
    return _not_understood(form, value, what)


def _not_understood(form: Form, word: ScalarNode, what: str) -> OnErase:
    known = (*words.PLAIN_ACTS, *words.ACTS_WITH_ARGUMENT)
    instead = f"on_erase: erase; {did_you_mean(word.text, known)}"
    form.faults.add("bad-on-erase", word.line, f"{what}: {word.text!r} is not understood here", instead)
    return OnErase()


def _by_command(form: Form, act: EraseAct, value: Value, what: str) -> OnErase:
    if not isinstance(value, TableNode):
        return OnErase(act, read_command(form, value, what))
    form.table(value, what, words.COMMAND, ("command",))
    network = form.parsed(value.get("network"), f"{what}.network", "bad-network", _network)
    names = form.texts(value.get("environment"), f"{what}.environment", one_is_enough=True)
    for name in names:
        if not _VARIABLE.fullmatch(name):
            line = value.line_of("environment")
            form.faults.add("bad-variable", line, f"{what}.environment: {name!r} names no variable", "environment: [AWS_PROFILE]")
    return OnErase(
        act,
        read_command(form, value.get("command"), f"{what}.command"),
        within=form.parsed(value.get("within"), f"{what}.within", "bad-span", _within),
        memory=form.parsed(value.get("memory"), f"{what}.memory", "bad-memory", parse_size) or 0,
        prove=read_command(form, value.get("prove"), f"{what}.prove"),
        network=network or False,
        environment=names,
        compare=form.parsed(value.get("compare"), f"{what}.compare", "bad-compare", _compare) or ComparedBy.BYTES,
    )


def read_command(form: Form, value: Value | None, what: str) -> str:
    """Read a program and its arguments; empty where none is stated or a fault was noted."""
    text = form.text(value, what)
    if text is None or value is None:
        return ""
    if not words_of(text):
        form.faults.add("bad-command", value.line, f"{what}: a quote in it is not closed", f"{what.rsplit('.', 1)[-1]}: make train")
        return ""
    return text


def parse_size(text: str) -> int:
    """Return the bytes of ``8 GiB``. Raises ValueError with the correction."""
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError("memory: 8 GiB; a whole number of MiB, GiB or TiB, more than 0")
    return int(found[1]) * _BYTES[found[2]]


def _within(text: str) -> timedelta:
    span = parse_span(text)
    if not span:
        raise ValueError("within: 2 hours; a command needs some time")
    return span


def _compare(text: str) -> ComparedBy:
    if text not in tuple(ComparedBy):
        raise ValueError("compare: weights, where the format carries ids and times; bytes by default")
    return ComparedBy(text)


def _network(text: str) -> bool:
    if text not in words.NETWORKS:
        raise ValueError("network: open, where the command has to reach other machines; none by default")
    return text == "open"
