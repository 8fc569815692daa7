"""Compare the public policy with the estate: publish it only while each claim is true, and report each claim as soon as it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from expunge.core.datamap.datamap import TableLayout
from expunge.core.discovery.discovery import last_search
from expunge.core.pages.policy_page import html, markdown
from expunge.core.retention.inactivity import IdleState, is_unused, watched_for
from expunge.core.retention.public_claims import (
    LATE_DAYS,
    CheckedClaim,
    Claim,
    ClaimCheck,
    ClaimNowFalse,
    ClaimsPublished,
    ClaimTrueAgain,
    PlacesKnown,
    PlacesSearch,
    Published,
    claims_of,
    fold_claims,
    outdated,
)
from expunge.core.retention.retention_rules import cut_off, rules
from expunge.core.values.copy import FindingKind
from expunge.core.values.order import OrderState
from expunge.engine.gate import fencing
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CLAIMS, SEARCHES, read_register, register
from expunge.engine.lineage import observed_lineage
from expunge.engine.recipients import seen_recipients
from expunge.engine.retention import expiry, inactive_profiles, last_uses, map_check, ways_round
from expunge.engine.subjects import hold_register

SEARCHED_WITHIN = timedelta(days=31)
"""How long a search for undeclared places tells that there are none."""
_GRACE = timedelta(days=7)
"""How long a profile may be unused beyond its period before nobody having flagged it makes a sentence false."""
SnapshotReader = Callable[[], frozenset[bytes]]
"""Reads whom the published snapshot refuses."""


@dataclass(frozen=True)
class PublicPolicy:
    """A policy that may be published."""

    html: str
    markdown: str
    claims: tuple[Claim, ...]


def published(context: Context) -> Published:
    """Return the policy that is public now."""
    return fold_claims(read_register(context.journal, CLAIMS))


def check(context: Context, snapshot: SnapshotReader) -> tuple[CheckedClaim, ...]:
    """Return every sentence that the map bears out, held against the estate now."""
    search = places_search(context)
    return tuple(_checked(context, claim, snapshot, search) for claim in claims_of(context.data_map, search))


def check_public(context: Context, snapshot: SnapshotReader) -> tuple[CheckedClaim, ...]:
    """As :func:`check`; sentences that are public and that the map does not bear out any more are false."""
    known = published(context)
    found = check(context, snapshot)
    stale = outdated(known, [each.claim for each in found])
    left = [each for each in found if each.claim.id not in stale]
    for name, now in stale.items():
        claim = Claim(name, known.sentences[name], ClaimCheck.AS_PUBLISHED)
        left.append(CheckedClaim(claim, true=False, evidence=f"the map bears out another sentence now: {now}"))
    return tuple(left)


def watch(context: Context, snapshot: SnapshotReader) -> tuple[CheckedClaim, ...]:
    """As :func:`check_public`, and enter into the register the public claims that became false, or true again."""
    found = check_public(context, snapshot)
    known = published(context)
    now = context.clock.now()
    events: list[ClaimNowFalse | ClaimTrueAgain] = []
    for each in found:
        if each.claim.id not in known.sentences:
            continue
        if not each.true and each.claim.id not in known.false:
            events.append(ClaimNowFalse(now, each.claim.id, each.evidence))
        if each.true and each.claim.id in known.false:
            events.append(ClaimTrueAgain(now, each.claim.id))
    if events:
        register(context.journal, CLAIMS, *events)
    return found


def places_search(context: Context) -> PlacesSearch:
    """Return what the last search for undeclared places lets the public be told: nothing certain where it is old, or of another map."""
    last = last_search(read_register(context.journal, SEARCHES))
    if last is None:
        return PlacesSearch()
    when = f"the search of {last.at:%Y-%m-%d}"
    if last.undeclared:
        some = "1 undeclared place" if last.undeclared == 1 else f"{last.undeclared} undeclared places"
        return PlacesSearch(PlacesKnown.SOME, last.at, f"{when} found {some}")
    if last.unseen:
        return PlacesSearch(PlacesKnown.UNKNOWN, last.at, f"{when} could not look everywhere: {last.unseen} not seen")
    if last.map_digest != context.map_digest:
        return PlacesSearch(PlacesKnown.UNKNOWN, last.at, f"{when} was made with another map")
    if context.clock.now() - last.at > SEARCHED_WITHIN:
        return PlacesSearch(PlacesKnown.UNKNOWN, last.at, f"{when} is older than {SEARCHED_WITHIN.days} days")
    return PlacesSearch(PlacesKnown.ALL, last.at, f"{when} found no undeclared place")


def policy(context: Context) -> PublicPolicy:
    """Return the policy as the map enforces it now."""
    claims = claims_of(context.data_map, places_search(context))
    now = context.clock.now()
    return PublicPolicy(html(context.data_map, claims, now), markdown(context.data_map, claims, now), claims)


def publish(context: Context, made: PublicPolicy) -> None:
    """Enter that a policy was published."""
    digest = sha256(made.markdown.encode()).hexdigest()
    register(context.journal, CLAIMS, ClaimsPublished(context.clock.now(), digest, {claim.id: claim.sentence for claim in made.claims}))


# --- checks -----------------------------------------------------------------------------------------------


def _checked(context: Context, claim: Claim, snapshot: SnapshotReader, search: PlacesSearch) -> CheckedClaim:
    try:
        match claim.proof:
            case ClaimCheck.NOTHING_OVERDUE:
                true, evidence = _nothing_overdue(context, claim.about)
            case ClaimCheck.LAST_RUN:
                true, evidence = _last_run(context)
            case ClaimCheck.GATE_REFUSES:
                true, evidence = _gate_refuses(context, snapshot)
            case ClaimCheck.UNUSED_GONE:
                true, evidence = _unused_gone(context, claim.about)
            case ClaimCheck.NOWHERE_ELSE:
                true, evidence = _nowhere_else(context, search)
            case ClaimCheck.NOBODY_ELSE:
                true, evidence = _nobody_else(context)
            case ClaimCheck.GETS_THAT:
                more = seen_recipients.beyond(context).get(claim.about, ())
                true, evidence = not more, f"it was seen to get {', '.join(more)} as well" if more else "nothing else was seen to go there"
            case ClaimCheck.ONLY_AT_DESK:
                true, evidence = ways_round.none(context)
            case ClaimCheck.AS_DECLARED | ClaimCheck.AS_SEARCHED:
                true, evidence = True, search.evidence if claim.proof is ClaimCheck.AS_SEARCHED else "the map says so"
            case ClaimCheck.AS_PUBLISHED:
                true, evidence = (False, "the map says nothing of it")
    except store_calls.TROUBLE as error:
        unable = store_calls.as_unable(error)
        true, evidence = False, f"could not look: {unable.detail or unable.reason.value}"
    return CheckedClaim(claim, true=true, evidence=evidence)


def _nothing_overdue(context: Context, schedule: str) -> tuple[bool, str]:
    late = context.clock.now() - timedelta(days=LATE_DAYS)
    overdue = waiting = lost = 0
    for rule in rules(context.data_map):
        if rule.schedule == schedule and not rule.goes_with:
            dataset = context.data_map.datasets[rule.dataset]
            ages = store_calls.ages(context.open_store(dataset.store), dataset, rule.field, (cut_off(late, rule.period),))
            overdue += ages.items[0]
            # A column may be empty until something happens; a file or record without a time is reached by no retention, ever.
            in_table = isinstance(dataset.layout, TableLayout)
            waiting += ages.undated if in_table else 0
            lost += 0 if in_table else ages.undated
    said = [f"{overdue} items overdue", *([f"{lost} without a time, which no retention reaches"] if lost else [])]
    return not overdue and not lost, "; ".join([*said, *([f"{waiting} whose period has not begun"] if waiting else [])])


def _last_run(context: Context) -> tuple[bool, str]:
    runs = list(expiry.expiries(context))
    if not runs:
        return True, "nothing had to be erased yet because its time was over"
    last = runs[-1]
    logged = all(subject in last.current.logged for subject in last.subjects)
    # Why what is held is no lie: what was erased is in the receipt, and so is what a hold keeps.
    return logged and (last.state is OrderState.FULFILLED or hold_register.only_held(last)), f"order {last.order}: {last.state.value}"


def _gate_refuses(context: Context, snapshot: SnapshotReader) -> tuple[bool, str]:
    wanted = {bytes.fromhex(entry) for order in fencing.standing_orders(context).values() for entry in order.gate_entries}
    missing = len(wanted - snapshot())
    return not missing, f"the published snapshot refuses {len(wanted) - missing} of {len(wanted)} identities that were erased"


def _unused_gone(context: Context, kind: str) -> tuple[bool, str]:
    identity = context.data_map.identities[kind]
    period, now, states = watched_for(context.data_map, identity), context.clock.now(), inactive_profiles.states(context)
    if period is None:
        return False, "nothing says after how long"
    unseen = sum(
        use.subject not in states or states[use.subject].state in {IdleState.KEPT, IdleState.USED, IdleState.GONE}
        for use in last_uses.last_uses(context, identity)
        if is_unused(use.last, states.get(use.subject), period, now - _GRACE)
    )
    waiting = [state for state in states.values() if state.kind == kind and state.state in {IdleState.FLAGGED, IdleState.GIVEN_UP}]
    late = sum(now >= each.gone_by() for each in waiting)
    return not unseen and not late, f"{unseen} unused and not flagged, {late} flagged and not gone in time"


def _nobody_else(context: Context) -> tuple[bool, str]:
    unknown = seen_recipients.unknown(context)
    away = len(observed_lineage.places(context))
    said = [f"{', '.join(unknown)} was seen to get data, and the map does not name it"] if unknown else []
    said += [f"pipelines were seen to copy data to {away} places that nobody declared"] if away else []
    return not said, "; ".join(said) or "nobody else was seen to get data"


def _nowhere_else(context: Context, search: PlacesSearch) -> tuple[bool, str]:
    found = sum(each.kind is FindingKind.UNDECLARED for each in map_check.check(context))
    return not found, f"{found} places that nobody declared" if found else search.evidence
