"""What is held, in the clerk's process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from expunge.bootstrap.clerk.held_room import HeldRoom, PlacesLook
from expunge.bootstrap.clerk.household import Household
from expunge.core.datamap.protected_kinds import kind_held
from expunge.core.families.selection import Area, ChosenItems, Selection
from expunge.core.families.whereabouts import gridded
from expunge.core.journal.reminder_events import last_reminded
from expunge.core.retention.disclosure import RetentionDisclosure
from expunge.core.values.ids import Pseudonym
from expunge.engine.families import location_reminders, whereabouts
from expunge.engine.kernel.journal_streams import REMINDERS, read_register
from expunge.errors import NotResolved, UsageError
from expunge.ports.families.held_door import (
    PLACES_A_PAGE,
    ChosenPlaces,
    ChosenSquares,
    HeldAnswer,
    ListedPlace,
    LocationStanding,
    PlacesChoice,
    PlacesPage,
    PublicNotice,
)

_AGAIN = "look at the places again, and choose anew"


@dataclass(frozen=True)
class LocalHeld:
    """Implements ``expunge.ports.families.held_door.HeldDoor``."""

    household: Household
    room: HeldRoom

    def held(self, account: UUID, family: str) -> HeldAnswer:
        """See the port."""
        self.household.require_member(account, family)
        kept = self.room.counts.get(family)
        return HeldAnswer(kept.value, kept.counting)

    def places(self, account: UUID, family: str, session: bytes, page: int) -> PlacesPage:
        """See the port."""
        self.household.require_shown(account, family, session)
        try:
            look = self.room.look(self.household, family)
        except NotResolved:
            return PlacesPage("", None, 0, (), 1, 1, 0, cut=False, not_looked=())
        found = look.found
        drawn = gridded(found.places)
        pages = max(1, -(-len(found.places) // PLACES_A_PAGE))
        number = min(max(page, 1), pages)
        shown = found.places[(number - 1) * PLACES_A_PAGE : number * PLACES_A_PAGE]
        data_map = self.household.expunge.map
        return PlacesPage(
            look.name,
            drawn[0] if drawn is not None else None,
            len(found.places),
            tuple(
                ListedPlace(look.handle(each), kind_held(data_map, each.dataset), each.latitude, each.longitude, each.at) for each in shown
            ),
            number,
            pages,
            found.unread,
            found.cut,
            tuple((kind_held(data_map, name), reason) for name, reason in found.not_looked),
        )

    def choose(self, account: UUID, family: str, session: bytes, look: str, choice: PlacesChoice) -> Selection:
        """See the port."""
        self.household.require_shown(account, family, session)
        known = self.room.look(self.household, family)
        if known.name != look:
            raise UsageError("the places were read anew since they were shown", help=_AGAIN)
        return self._chosen(known, choice)

    def location(self, account: UUID, family: str) -> LocationStanding:
        """See the port."""
        self.household.require_member(account, family)
        context = self.household.expunge.context
        reminded = last_reminded(read_register(context.journal, REMINDERS)).get(Pseudonym(family))
        try:
            found = location_reminders.collection(context, self.household.person(family).person)
        except NotResolved:
            return LocationStanding(collected=False, agreed=(), reminded=reminded)
        purposes = context.data_map.purposes
        return LocationStanding(bool(found), tuple(purposes[name].description for name in found.agreed), reminded)

    def stop_location(self, account: UUID, family: str) -> int:
        """See the port."""
        self.household.require_member(account, family)
        try:
            ended = self.household.expunge.consents.stop_location(self.household.person(family))
        except NotResolved:
            return 0
        self.room.forget(family)
        return len(ended)

    def notices(self) -> tuple[PublicNotice, ...]:
        """See the port."""
        found = self.room.texts(self.household).notices()
        return tuple(PublicNotice(each.language, each.heading, each.paragraphs, each.sha256) for each in found)

    def disclosures(self) -> tuple[RetentionDisclosure, ...]:
        """See the port."""
        return self.room.texts(self.household).disclosures()

    def _chosen(self, look: PlacesLook, choice: PlacesChoice) -> ChosenItems:
        match choice:
            case ChosenPlaces(handles):
                by_handle = {look.handle(each): each for each in look.found.places if each.key}
                if not by_handle.keys() >= set(handles):
                    raise UsageError("a place that was chosen is not known any more", help=_AGAIN)
                return whereabouts.chosen([by_handle[handle] for handle in handles])
            case ChosenSquares(squares):
                return whereabouts.in_squares(look.found, frozenset(squares))
            case Area():
                everywhere = frozenset(whereabouts.datasets(self.household.expunge.context))
                return whereabouts.within(look.found, replace(choice, datasets=everywhere))
