"""The reach of an instruction: exactly the items, people, dates and kinds that the order covers, so that a recipient erases no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from expunge.core.datamap.artefact import Cohort
from expunge.core.disgorgement import disgorgement_events
from expunge.core.disgorgement.disgorgement import Limb
from expunge.core.orders.run import Run
from expunge.core.values import canonical, codec
from expunge.core.values.cause import ByDisgorgement
from expunge.core.values.copy import Selector
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import DISGORGEMENTS, read_register
from expunge.engine.subjects import sealed_selectors


def of(context: Context, run: Run, datasets: Iterable[str]) -> dict[str, canonical.Json]:
    """Return what an instruction says of its reach: ``selection`` by dataset, and for an order of destruction what its limb ``covers``."""
    sealed = sealed_selectors.open_for_all(context, [run.order])
    selection: dict[str, canonical.Json] = {}
    for name in datasets:
        mine = [each for subject, each in sealed.get(name, {}).items() if subject in run.subjects]
        selection[name] = [_selected(each) for each in mine] or "what belongs to the items of the other datasets"
    said: dict[str, canonical.Json] = {"selection": selection}
    limb = _limb(context, run)
    return said | {"covers": _covers(limb)} if limb else said


def _selected(selector: Selector) -> canonical.Json:
    """One selector in words of the recipient: fields with values, and a stretch of time."""
    said: dict[str, canonical.Json] = {"fields": {name: sorted(values) for name, values in sorted(selector.match.items())}}
    if selector.every:
        said = {"every item": True}
    if selector.only:
        said["and only where"] = {name: sorted(values) for name, values in sorted(selector.only.items())}
    if selector.where is not None:
        said["time"] = {"field": selector.where.field, **_window(selector.where.since, selector.where.until)}
    return said


def _window(since: datetime | None, until: datetime | None) -> dict[str, canonical.Json]:
    return {name: codec.instant(at) for name, at in (("since", since), ("before", until)) if at is not None}


def _limb(context: Context, run: Run) -> Limb | None:
    cause = run.received.cause
    if not isinstance(cause, ByDisgorgement):
        return None
    known = disgorgement_events.standings(read_register(context.journal, DISGORGEMENTS)).get(cause.disgorgement)
    return next((each for each in known.order.limbs if each.name == cause.limb), None) if known else None


def _covers(limb: Limb) -> canonical.Json:
    cohort = limb.subjects
    people: canonical.Json = cohort if isinstance(cohort, str) else _cohort(cohort)
    said: dict[str, canonical.Json] = {
        "provision": limb.provision,
        "kinds": [each.value for each in limb.takes],
        "people": people,
        "what the dates are of": limb.trigger.value,
        **_window(limb.since, limb.until),
    }
    if limb.where:
        said["where"] = {name: _values(fields) for name, fields in sorted(limb.where.items())}
    if limb.unused_for is not None:
        said["people unused for"] = str(limb.unused_for)
    return said


def _cohort(cohort: Cohort) -> canonical.Json:
    return {"dataset": cohort.dataset, "where": _values(cohort.where), "but not": _values(cohort.but_not)}


def _values(fields: Mapping[str, frozenset[str]]) -> canonical.Json:
    return {name: sorted(values) for name, values in sorted(fields.items())}
