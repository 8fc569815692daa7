"""All rules of the house, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.architecture import effects, failpoints, floors, habits, layers, time_sources
from tests.architecture.source import Tree

Rule = Callable[[Tree], Iterator[str]]

RULES: dict[str, Rule] = {
    "arrows": layers.arrows,
    "cycles": layers.cycles,
    "floors": floors.floors,
    "folder sizes": floors.folder_sizes,
    "core is pure": layers.core_is_pure,
    "top level": layers.top_level,
    "late imports": layers.late_imports,
    "dynamic imports": layers.dynamic_imports,
    "sizes": habits.sizes,
    "no clock in core": habits.no_clock_in_core,
    "one clock": time_sources.one_clock,
    "prints": habits.prints,
    "broad excepts": habits.broad_excepts,
    "unfinished": habits.unfinished,
    "logs": habits.logs,
    "shown words": habits.shown_words,
    "file effects": effects.file_effects,
    "store calls": effects.store_calls,
    "journal appends": effects.journal_appends,
    "guarded": effects.guarded,
    "failpoints": failpoints.failpoint_faults,
}
