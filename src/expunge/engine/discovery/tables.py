"""Look at the tables of a database that no dataset declares: each by samples of its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from expunge.core.discovery.discovery import Sighting, Sign
from expunge.engine.discovery import columns
from expunge.engine.discovery.known_people import KnownPeople
from expunge.engine.discovery.readers import DiscoveryReaders
from expunge.engine.kernel import store_calls
from expunge.ports.optional.table_survey import ColumnType, SurveyedTable, TableSurvey
from expunge.ports.recognition import HEAD

_MOST_CELLS = 20
"""Values of a column of bytes that are looked at for media."""
_MOST_DOCUMENTS = 200
"""Values of a column that are neither numbers nor texts: documents and bytes are long."""


@dataclass
class TableSigns:
    """What a look at some tables told."""

    found: dict[str, tuple[Sighting, ...]] = field(default_factory=dict)
    unseen: dict[str, str] = field(default_factory=dict)
    """Table -> why it could not be looked at."""


def look(
    survey: TableSurvey, tables: Collection[SurveyedTable], people: Collection[str], known: KnownPeople, readers: DiscoveryReaders
) -> TableSigns:
    """Look at each table; ``people`` are the tables of the same database that declared people are found by."""
    signs = TableSigns()
    for table in tables:
        try:
            if found := tuple(_sightings(survey, table, people, known, readers)):
                signs.found[table.name] = found
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            signs.unseen[table.name] = unable.detail or unable.reason.value
    return signs


def _sightings(
    survey: TableSurvey, table: SurveyedTable, people: Collection[str], known: KnownPeople, readers: DiscoveryReaders
) -> Iterator[Sighting]:
    sampled = _sampled(survey, table)
    for reference in table.references:
        here = [column for column, _ in reference.columns]
        if reference.table in people and all(sampled.get(column) for column in here):
            shown = "its columns" if any(map(known.sketch.kinds_in, here)) else ", ".join(here)
            yield Sighting(Sign.IDENTITIES, f"a foreign key leads from {shown} to {reference.table}")
    yield from columns.sightings(sampled, known)
    for column in table.columns:
        if column.type is ColumnType.OTHER:
            kinds = Counter(
                media for head in survey.heads(table.name, column.name, _MOST_CELLS, HEAD) if (media := readers.recognise(head).media)
            )
            for media, count in kinds.items():
                shown = "a column" if known.sketch.kinds_in(column.name) else column.name
                yield Sighting(Sign.MEDIA, f"{shown} holds {media.value} ({count} of the values looked at)")


def _sampled(survey: TableSurvey, table: SurveyedTable) -> Mapping[str, frozenset[str]]:
    """Column -> some values; times are no one's."""
    looked = [column for column in table.columns if column.type is not ColumnType.TIME]
    most = {ColumnType.OTHER: _MOST_DOCUMENTS}
    return {each.name: survey.sampled(table.name, each.name, most.get(each.type, columns.MOST_VALUES)) for each in looked}
