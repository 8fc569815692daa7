"""The package keeps its own rules."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.architecture.failpoints import all_failpoints
from tests.architecture.rules import RULES
from tests.architecture.source import ROOT, Tree
from tests.architecture.time_sources import one_clock


@pytest.fixture(scope="module")
def tree() -> Iterator[Tree]:
    """The whole package, parsed once; two million nodes are nothing for a garbage collector to walk through again and again."""
    gc.disable()
    try:
        yield Tree.load()
    finally:
        gc.enable()


@pytest.mark.parametrize("rule", RULES)
def test_the_package_keeps_the_rule(rule: str, tree: Tree) -> None:
    faults = list(RULES[rule](tree))
    assert not faults, "\n" + "\n".join(faults)


def test_the_package_is_really_read(tree: Tree) -> None:
    assert len(tree.modules) > 20
    assert any(module.imports for module in tree)


def test_failpoints_are_found_and_counted() -> None:
    points = all_failpoints()
    print(f"{len(points)} failpoints")
    assert all(point.count(".") >= 1 for point in points)
    assert len(points) == len(set(points))


OUTSIDE = {
    "tests": {"tests.architecture.test_rules_bite", "tests.cli.pagila", "tests.moved.travelling"},
    "bench": {"bench._crowd"},
    "examples": set(),
    "packages": {"packages.expunge-app.expunge_app"},
}
"""Folders beside the package, and modules of them that keep other clocks: examples of faults, schemas of companies that are played, the one
that moves the clock, and the client of a company's own app, which stands on no module of the package."""


@pytest.mark.parametrize("folder", OUTSIDE)
def test_beside_the_package_the_date_is_read_from_the_one_clock_too(folder: str) -> None:
    read = Tree.load(ROOT / folder, mentions=("time", "now"))
    assert read.modules
    faults = list(one_clock(Tree({name: module for name, module in read.modules.items() if name not in OUTSIDE[folder]})))
    assert not faults, "\n" + "\n".join(faults)
