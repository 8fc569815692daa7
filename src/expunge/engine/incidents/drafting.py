"""Gather what the letters about an incident are made from."""

from __future__ import annotations

from expunge.core.incidents.letters import LetterMatter
from expunge.core.incidents.owed import facts_of
from expunge.engine.incidents import counting, owed
from expunge.engine.incidents.entering import found
from expunge.engine.kernel.context import Context


def matter(context: Context, which: str) -> LetterMatter:
    """Return what the letters about an incident say, by what is known now. Raises UsageError for no such incident."""
    known = counting.known(context.journal)
    name = found(known, which).opened.incident
    view = owed.looked_at(context, known, name)
    parts = known.counting_together(name)
    due = tuple(
        f"{each.duty}: {f'until {each.at:%Y-%m-%d %H:%M} UTC' if each.at else 'not started'} ({each.source}; {each.why})"
        for each in view.deadlines
    )
    return LetterMatter(
        incident=name,
        company=context.data_map.accounts.company if context.data_map.accounts else "",
        kind=view.incident.opened.kind,
        began=known.began(name),
        ended=max(scope.until for each in parts for scope in each.scopes),
        discovered=known.discovered(name),
        what=known.words(name),
        accounts=view.number,
        people=len(view.affected.people),
        could_not=view.affected.could_not,
        digest=view.affected.digest,
        counted=context.clock.now(),
        facts=tuple(facts_of(known, name)),
        due=due,
    )
