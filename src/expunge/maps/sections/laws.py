"""The section ``laws`` of a map: the clocks that run, by the name of their law or of the clock, and files with a company's own clocks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from expunge.core.datamap.clocks import ClockRule
from expunge.errors import Misconfigured
from expunge.maps.document.faults import MapFaults, did_you_mean
from expunge.maps.document.form import Form
from expunge.maps.document.nodes import TableNode
from expunge.maps.sections.clocks import read_clocks, shipped_clocks


def read_laws(form: Form, root: TableNode, folder: Path) -> dict[str, ClockRule]:
    """The clocks that hold; where the map names none, those that are marked as standard."""
    shipped = shipped_clocks()
    value = root.get("laws")
    if value is None:
        return {name: rule for name, rule in shipped.items() if rule.standard}
    chosen: dict[str, ClockRule] = {}
    for name in form.texts(value, "laws", one_is_enough=True):
        if name.endswith((".yaml", ".yml")):
            chosen |= _own(form, folder / name, value.line)
            continue
        found = {each: rule for each, rule in shipped.items() if name in (each, rule.law)}
        if not found:
            known = {*shipped, *(rule.law for rule in shipped.values())}
            form.faults.add("unknown-law", value.line, f"laws: no clock and no law is called {name!r}", did_you_mean(name, known))
        chosen |= found
    return chosen


def _own(form: Form, path: Path, line: int) -> Mapping[str, ClockRule]:
    try:
        return read_clocks([path])
    except MapFaults as error:
        for fault in error.faults:
            form.faults.add("bad-clocks", line, f"{path.name}:{fault.line}: {fault.what}", fault.write_instead)
    except Misconfigured as error:
        form.faults.add("bad-clocks", line, str(error), "laws: [GDPR, ./clocks.yaml]")
    return {}
