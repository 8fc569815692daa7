"""The first example: a child's voice leaves the recordings, the training set and two models that were taught from it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

import numpy as np

from examples.common.drawing import Figure
from examples.common.estate import Erased, Estate
from examples.common.survey import survey
from examples.voice import company, figures, words, work
from examples.voice.company import CHILD, Company
from examples.voice.figures import Taken


@dataclass
class Told:
    """What the page is made of."""

    company: Company
    erased: Erased
    small: bool
    windows: int
    """Of the child."""
    digests: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Model, digest before, after, and of what a fresh process makes."""
    figures: list[Figure] = field(default_factory=list)


def tell(estate: Estate, small: bool) -> None:
    """Fill the folder: stores, order, receipt, drawings, page."""
    narrator = estate.narrator
    if small:
        os.environ[work.SMALL] = "1"
    with narrator.chapter("A maker of voice assistants"):
        made = company.build(estate, small=small, models=work.models())
        estate.python("-m", company.WORK, "--first", *work.models())
        narrator.say(
            f"{made.speakers} people ({made.origin}), {made.windows} windows of one second. Four fifths of the people were taught from: is "
            "a woman speaking, or a man?"
        )
        if work.SHARDS not in work.models():
            narrator.point("torch is not installed: the networks are left out")
        database = estate.world / "app.db"
        train, test = figures.taken(work.windows(database)), figures.taken(work.windows(database, "test"))
        stay = [at for at, each in enumerate(train[0][2]) if each != CHILD]
        drawn = [figures.hearing(estate, test[0])]
        right: dict[str, dict[str, np.ndarray]] = {name: {} for name in work.models()}
        _judge(estate, train, test, stay, right, "before")
    before = survey(estate.world)
    with narrator.chapter("A mother wants her child's voice gone"):
        told = Told(made, estate.erase(f"profile:{CHILD}"), small, len(train[0][2]) - len(stay))
        for line in told.erased.verified.strip().splitlines():
            narrator.quote(line)
    with narrator.chapter("What went, and what did not"):
        _compare(estate, told, before)
        _judge(estate, train, test, stay, right, "after")
    with narrator.chapter("What it costs those who stay"):
        first = np.arange(len(test[0][2]) + len(stay)) < len(test[0][2])
        groups = {"not taught from": first, "taught from": ~first}
        drawn.append(figures.before_and_after(estate, right, groups))
        drawn.append(figures.cost(estate, train, small=small))
        drawn.append(figures.accuracy(estate, train, test, right, small=small))
    told.figures = drawn
    words.write(estate, told)


def _judge(estate: Estate, train: Taken, test: Taken, stay: list[int], right: dict[str, dict[str, np.ndarray]], when: str) -> None:
    """Which windows each model in service gets right, of those whom it was not taught from and then of those it was, the child left out."""
    truth = np.concatenate([test[0][1], train[0][1][stay]])
    for name, by in right.items():
        model = work.loaded(name, estate.world / f"models/{name}.safetensors")
        by[when] = model.predict(np.concatenate([test[1][name], train[1][name][stay]])) == truth


def _compare(estate: Estate, told: Told, before: dict[str, str]) -> None:
    after = survey(estate.world)
    gone, files = before.keys() - after.keys(), {name: f"models/{name}.safetensors" for name in work.models()}
    theirs = {each for each in before if each.startswith((f"app.db/windows/{CHILD}/", f"app.db/profiles/{CHILD}", f"media/voice/{CHILD}/"))}
    estate.expect(gone == theirs, f"gone: the child's profile, recording and {told.windows} windows, and nobody else's")
    changed = {each for each in after if before.get(each) != after[each]}
    estate.expect(
        changed == set(files.values()),
        f"changed: {len(files)} {'model' if len(files) == 1 else 'models'}, no more; everything else is what it was, byte for byte",
    )
    for name, path in files.items():
        fresh = estate.ask(company.WORK, name, estate.folder / f"fresh/{name}")
        told.digests.append((name, before[path], after[path], fresh))
        estate.expect(after[path] == fresh != before[path], f"{name}: equal, bit for bit, to what a fresh process learns without the child")
