"""Compare the duties of the orders and rules with one estate: the duties that its map, stores and settings meet today.

*Met* needs two things. The product's own table says that Expunge meets the duty (``duties_status.yaml``, made from the marks on tests
like ``docs/reference/obligations.md``). And what the duty needs in the map, the stores and the settings is set up. *No* says what is
missing there and what to write. A duty that Expunge meets without any setting is met by the product.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from ipaddress import ip_address
from urllib.parse import urlsplit

import yaml

from expunge.core.accounts.staff_state import GrantStanding
from expunge.core.consent.use_records import RecordKind, uses_of_location
from expunge.core.datamap.clocks import ClockState
from expunge.core.datamap.datamap import AboutNobody, ByField, ModelLayout, TableLayout, Through
from expunge.core.datamap.protected_kinds import ProtectedKind, in_scope
from expunge.core.datamap.purposes import Ground
from expunge.core.retention.collection_permission import unneeded
from expunge.core.retention.disclosure import DISCLOSED, disclosures
from expunge.core.retention.inactivity import watched_for
from expunge.core.retention.public_claims import LATE_DAYS, claims_of, outdated
from expunge.core.retention.public_recipients import public_recipients
from expunge.core.retention.retention_rules import RetentionRule, cut_off, rules
from expunge.core.verification.ledger_record import LedgerKind
from expunge.engine.accounts import staff_review
from expunge.engine.gate import use_records
from expunge.engine.kernel import store_calls
from expunge.engine.kernel.context import Context
from expunge.engine.recipients import deadlines, instructions, seen_recipients
from expunge.engine.recipients.deadlines import Deadline
from expunge.engine.reports import all_deadlines, duty_ledger, late_reminders
from expunge.engine.retention import content_kinds, postings, published_policy
from expunge.engine.vault import reviewing

FRESH = timedelta(seconds=60)
"""How old the gate's snapshot may be for pipelines that do not say otherwise."""


class DutyState(StrEnum):
    """The state of an estate under one duty."""

    MET = "met"
    NO = "no"
    PRODUCT = "met by the product"
    """Expunge meets it, and nothing has to be set up for it."""
    IN_PART = "in part"
    """Expunge meets a part of it."""
    NOT_YET = "not yet"
    """Expunge does not meet it, whatever is set up."""
    PEOPLE = "by people"
    """No program can meet it."""


@dataclass(frozen=True)
class Duty:
    """One duty, as ``duties.yaml`` has it."""

    id: str
    source: str
    duty: str
    show: str = ""
    lacks: str = ""
    not_software: str = ""
    today: str = ""


@dataclass(frozen=True)
class DutyFinding:
    """One duty and the estate's state under it."""

    duty: Duty
    today: DutyState
    why: str

    @property
    def unmet(self) -> bool:
        """True when a program could meet the duty, and it is not met."""
        return self.today in (DutyState.NO, DutyState.IN_PART, DutyState.NOT_YET)


@lru_cache(maxsize=1)
def duties() -> tuple[Duty, ...]:
    """All of them, in the order of the file."""
    read = yaml.safe_load(files("expunge").joinpath("duties.yaml").read_text("utf-8"))
    return tuple(Duty(id=name, **said) for name, said in read.items())


@lru_cache(maxsize=1)
def stands() -> Mapping[str, str]:
    """Duty -> how Expunge itself stands towards it, by its tests: ``met``, ``partly``, ``not software`` or ``not yet``."""
    read: dict[str, str] = yaml.safe_load(files("expunge").joinpath("duties_status.yaml").read_text("utf-8"))
    return read


def look(context: Context) -> tuple[DutyFinding, ...]:
    """Return every duty, held against the map, the stores and the registers as they are now; each check is made once."""
    answers = {name: check(context) for name, check in _CHECKS.items()}
    return tuple(_met(duty, answers) for duty in duties())


def _met(duty: Duty, answers: Mapping[str, str]) -> DutyFinding:
    if duty.not_software:
        return DutyFinding(duty, DutyState.PEOPLE, duty.not_software)
    status = stands().get(duty.id, "not yet")
    if status == "not yet":
        return DutyFinding(duty, DutyState.NOT_YET, "Expunge does not meet it yet")
    wrong = answers[duty.today] if duty.today else ""
    if wrong:
        return DutyFinding(duty, DutyState.NO, wrong)
    if status != "met":
        return DutyFinding(duty, DutyState.IN_PART, f"lacks: {duty.lacks}")
    if not duty.today:
        return DutyFinding(duty, DutyState.PRODUCT, "")
    return DutyFinding(duty, DutyState.MET, _SAID[duty.today])


def _retention(context: Context) -> str:
    """Why not everything has a finite period that reaches it, or why people have not decided what it is for."""
    open_ones = [f"{each.section}.{each.name}" for each in context.data_map.guesses]
    if open_ones:
        return f"nobody has decided {', '.join(open_ones)}: `expunge map review`"
    unused = sorted(context.data_map.retention.keys() - {dataset.retention for dataset in context.data_map.datasets.values()})
    if unused:
        return f"no dataset is kept by {', '.join(unused)}: delete the rule or use it"
    return "; ".join(filter(None, (_unreached(context, rule) for rule in rules(context.data_map) if not rule.goes_with)))


def _unreached(context: Context, rule: RetentionRule) -> str:
    """Say which items of a dataset are past their period, and which no retention can reach because nothing says how old they are."""
    dataset = context.data_map.datasets[rule.dataset]
    late = context.clock.now() - timedelta(days=LATE_DAYS)
    try:
        ages = store_calls.ages(context.open_store(dataset.store), dataset, rule.field, (cut_off(late, rule.period),))
    except store_calls.TROUBLE as error:
        unable = store_calls.as_unable(error)
        return f"{rule.dataset} by {rule.field}: {unable.detail or unable.reason.value}"
    if ages.items[0]:
        return f"{rule.dataset}: {ages.items[0]} items are past their period: `expunge retention run`"
    # Why not in tables: a column may be empty until something happens.
    lost = 0 if isinstance(dataset.layout, TableLayout) else ages.undated
    return f"{rule.dataset}: {lost} items have no time in {rule.field}, and no retention reaches them" if lost else ""


def _inactivity(context: Context) -> str:
    found = [
        identity for identity in context.data_map.identities.values() if identity.last_used and watched_for(context.data_map, identity)
    ]
    return "" if found else "no identity says when it was `last_used` and after how long it is `inactive_after`"


def _lineage(context: Context) -> str:
    """Whether anything that is derived can be found from what it was made from."""
    loose = [
        dataset.name
        for dataset in context.data_map.datasets.values()
        if not dataset.derived_from and not isinstance(dataset.subject, ByField | Through | AboutNobody)
    ]
    return f"nothing says what {', '.join(sorted(loose))} was made from" if loose else ""


def _stores(context: Context) -> str:
    away = []
    for name in sorted(context.data_map.stores):
        try:
            store_calls.capabilities(context.open_store(name))
        except store_calls.TROUBLE:
            away.append(name)
    return f"{', '.join(away)} cannot be reached" if away else ""


def _guardians(context: Context) -> str:
    return "" if context.data_map.guardians else "no `guardians:` say who decides for a child, and until when"


def _consent(context: Context) -> str:
    asked = [purpose for purpose in context.data_map.purposes.values() if purpose.needs is Ground.CONSENT]
    return "" if asked else "no purpose of the map rests on consent"


def _gate(context: Context) -> str:
    age = context.publish_gate.age(context.clock.now())
    if age is None:
        return "the gate's snapshot was never published"
    return "" if age <= FRESH else f"the gate's snapshot is {int(age.total_seconds())} seconds old: run a worker, or `expunge gate publish`"


def _recipients(context: Context) -> str:
    if not context.data_map.recipients:
        return "no `recipients:` are declared: say who is handed data, or that nobody is (with an empty list a receipt cannot say so)"
    late = [each.what for each in instructions.owed(context) if each.standing is ClockState.OVERDUE]
    return f"overdue: {'; '.join(late)}" if late else ""


def _claims(context: Context) -> str:
    public = published_policy.published(context)
    if public.at is None:
        return "no policy was published: `expunge retention publish DIR`"
    return f"said in public, and not true now: {', '.join(sorted(public.false))}" if public.false else ""


def _third_parties(context: Context) -> str:
    """Why the public is not told who else gets data, or not why."""
    everybody = public_recipients(context.data_map)
    bare = [each.name for each in everybody if not each.purposes]
    if bare:
        return f"nothing says what {', '.join(bare)} gets data for: name it under `recipients:` of a purpose"
    public = published_policy.published(context)
    if public.at is None:
        return "no policy was published: `expunge retention publish DIR`"
    old = outdated(public, claims_of(context.data_map, published_policy.places_search(context)))
    changed = sorted(each for each in old if each.startswith(_PUBLIC))
    unsaid = sorted(f"recipient.{each.name}" for each in everybody if f"recipient.{each.name}" not in public.sentences)
    if changed or unsaid:
        return f"the map has changed since the policy was published ({', '.join((*changed, *unsaid))}): `expunge retention publish DIR`"
    seen = seen_recipients.unknown(context)
    return f"{', '.join(seen)} was seen to get data, and the map does not name it" if seen else ""


_PUBLIC = ("recipient", "children.", "retention.")
"""The beginnings of the claims that the public has to be told."""


def _clocks(context: Context) -> str:
    return _late(deadlines.of_orders(context))


def _necessity(context: Context) -> str:
    wrong = "; ".join(f"{name}: {why}" for name, why in unneeded(context.data_map))
    return _guardians(context) or (f"{wrong}: `because:` of a purpose, or `needs: consent`" if wrong else "")


def _prompt(context: Context) -> str:
    """Why something that goes promptly does not: no clock counts it, or one is over."""
    missing = sorted(_PROMPT - context.data_map.laws.keys())
    if missing and context.data_map.guardians:
        return f"the map's `laws` leave out {', '.join(missing)}, so that nothing counts what goes promptly"
    late = [each for each in all_deadlines.prompt(context) if each.clock in _PROMPT and each.standing is ClockState.OVERDUE]
    return f"overdue: {'; '.join(f'{each.what} ({each.clock})' for each in late)}" if late else ""


_PROMPT = frozenset({"coppa-contact-without-consent", "coppa-identity-document", "coppa-parent-directed"})
"""The clocks of what has to go where the rule gives no number."""


def _backups(context: Context) -> str:
    kept = {store.options.get("of") for store in context.data_map.stores.values()}
    bare = sorted(name for name, each in context.data_map.stores.items() if each.kind != "backup" and name not in kept and not each.outside)
    return f"nothing is said of backups of {', '.join(bare)}: declare a store of kind backup, or `outside:`" if bare else ""


def _categories(context: Context) -> str:
    bare = sorted(dataset.name for dataset in context.data_map.datasets.values() if not dataset.categories)
    return f"{', '.join(bare)} says no `categories:`" if bare else ""


def _kinds(context: Context) -> str:
    """Why the categories do not tell what is in scope: a dataset has none, or holds what they do not say."""
    return "; ".join(filter(None, (_categories(context), _unsaid(context, frozenset(ProtectedKind)))))


def _whereabouts(context: Context) -> str:
    return _unsaid(context, frozenset({ProtectedKind.LOCATION}))


def _disclosed(context: Context) -> str:
    """Why the public is not told how long whereabouts and voices are kept, or is told another time than the one that is enforced."""
    told = disclosures(context.data_map)
    if told and context.data_map.accounts is None:
        return "the map has no `accounts`, so that no page tells how long whereabouts and voices are kept"
    known = postings.postings(context)
    for each in told:
        latest = known.latest(each.name)
        if latest is None:
            return f"the page *What we keep* has not been shown yet with {each.of.value}: run `expunge serve`"
        if latest.sha256 != each.digest:
            return f"the schedule of {each.of.value} has changed since the page *What we keep* was shown last: run `expunge serve`"
    kept = {name for scope in in_scope(context.data_map) if scope.kind in DISCLOSED for name in scope.datasets}
    found = (_unreached(context, rule) for rule in rules(context.data_map) if rule.dataset in kept and not rule.goes_with)
    return "; ".join(filter(None, found))


def _posted(context: Context) -> str:
    """Why the notice of an order is not shown as the map says."""
    found = postings.standings(context)
    if not found:
        return "the map posts no notice of an order: `posted:` under `accounts`, where an order asks for one"
    today = context.clock.now().date()
    wrong = [f"{each.notice.id} was not shown on {each.missed} days" for each in found if each.missed]
    wrong += [f"{each.notice.id} lies in its file as it was not shown yet" for each in found if each.notice.due(today) and not each.current]
    return "; ".join(wrong)


def _reminders(context: Context) -> str:
    """Why families are not reminded that whereabouts are collected."""
    if not any(each.datasets for each in in_scope(context.data_map) if each.kind is ProtectedKind.LOCATION):
        return ""
    if context.data_map.accounts is None or context.data_map.accounts.mail is None:
        return "whereabouts are collected, and nothing writes to families: `accounts` of the map has no `mail`"
    late = late_reminders.overdue(context)
    return f"{late} families were not reminded for more than six months: `expunge serve` sends reminders" if late else ""


def _unsaid(context: Context, kinds: frozenset[ProtectedKind]) -> str:
    """Which datasets hold something of these kinds that their categories do not say, and what could not be looked at."""
    found = []
    for dataset in context.data_map.datasets.values():
        try:
            said = [each.what for each in content_kinds.findings(context, dataset, kinds)]
        except store_calls.TROUBLE as error:
            unable = store_calls.as_unable(error)
            said = [f"{dataset.name} cannot be looked at: {unable.detail or unable.reason.value}"]
        found += said
    return "; ".join(found)


def _reviews(context: Context) -> str:
    used = {name for purpose in context.data_map.purposes.values() for name in purpose.datasets}
    whereabouts = next(each.datasets for each in in_scope(context.data_map) if each.kind is ProtectedKind.LOCATION)
    loose = sorted(set(whereabouts) - used)
    if loose:
        return f"no purpose says what {', '.join(loose)} is used for, so that no use of it can be reviewed"
    return _lacking(context, RecordKind.REVIEW, "`expunge review enter FILE`")


def _assurances(context: Context) -> str:
    return _lacking(context, RecordKind.ASSURANCE, "`expunge recipient assure RECIPIENT DOCUMENT`")


def _lacking(context: Context, kind: RecordKind, mend: str) -> str:
    wrong = [f"{each.about}: {each.lack}" for each in use_records.standings(context) if each.kind is kind and each.lack]
    return f"{'; '.join(wrong)}: {mend}" if wrong else ""


def _provenance(context: Context) -> str:
    models = [dataset.name for dataset in context.data_map.datasets.values() if isinstance(dataset.layout, ModelLayout)]
    return "`provenance:` says nothing of what models were made from" if models and context.data_map.provenance is None else ""


def _approvers(context: Context) -> str:
    return "" if context.data_map.approvers else "no `approvers:`: whoever enters an order carries it out alone"


def _ledger(context: Context) -> str:
    """Why nothing of an order's duties for people falls due here, or is overdue."""
    words = {word for rule in context.data_map.laws.values() for word in rule.applies}
    if not words & {"training", "hand-over", "certification"}:
        return "`laws:` names no clock of an order for what people do: `expunge due --laws` lists them"
    if not any(each.record.kind is LedgerKind.ORDER for each in duty_ledger.entries(context).values()):
        return "no order is entered in the ledger: `expunge ledger add order`"
    return _late(duty_ledger.owed(context))


def _requests(context: Context) -> str:
    if not any("request for records" in rule.applies for rule in context.data_map.laws.values()):
        return "`laws:` names no clock for requests of an authority: `expunge due --laws` lists them"
    return _late(tuple(each for each in duty_ledger.owed(context) if "request for records" in context.data_map.laws[each.clock].applies))


def _late(found: tuple[Deadline, ...]) -> str:
    late = [f"{each.what} ({each.clock})" for each in found if each.standing is ClockState.OVERDUE]
    return f"overdue: {'; '.join(late)}" if late else ""


def _sealed(context: Context) -> str:
    """Name the datasets of whole recordings that lie in the clear."""
    stores = context.data_map.stores
    of = {name for each in in_scope(context.data_map) if each.kind in _RECORDED for name in each.datasets}
    clear = sorted(name for name in of if (each := context.data_map.datasets[name]).paths and stores[each.store].kind != _VAULT)
    return f"recordings of {', '.join(clear)} lie in the clear: declare a store of kind vault, and `expunge ingest` them" if clear else ""


def _carried(context: Context) -> str:
    """Name the datasets of whole recordings that lie in the clear, and stores whose files cross a network in the clear."""
    if clear := _sealed(context):
        return clear
    open_ = sorted(each.name for each in context.data_map.stores.values() if _is_plain(str(each.options.get("endpoint", ""))))
    return f"{', '.join(open_)}: files cross a network in the clear: give an `endpoint:` that begins with https" if open_ else ""


def _is_plain(endpoint: str) -> bool:
    """Return whether a service is asked over plain HTTP on another machine."""
    address = urlsplit(endpoint)
    host = address.hostname or ""
    try:
        near = ip_address(host).is_loopback
    except ValueError:
        near = host == "localhost"
    return address.scheme.lower() == "http" and not near


def _openings(context: Context) -> str:
    """Say what is wrong with openings of recordings, and with their review."""
    if not any(each.kind == _VAULT for each in context.data_map.stores.values()):
        return "no recording lies in a vault, so that nothing says who read one"
    late = [each.what for each in all_deadlines.of_openings(context) if each.standing.overdue]
    if late:
        return "openings of recordings were not reviewed for a year: `expunge vault review --by NAME`"
    if any(each.standing.overdue for each in all_deadlines.of_views(context)):
        return "views of staff were not held against the policies for a year: `expunge access replay --by NAME`"
    found = reviewing.review(context).violations
    return f"{found} openings were not allowed at their time: `expunge vault review`" if found else ""


def _readers(context: Context) -> str:
    """Name the datasets of whereabouts in the clear, and purposes that use them and name no readers."""
    data_map = context.data_map
    of = {name for each in in_scope(data_map) if each.kind is ProtectedKind.LOCATION for name in each.datasets}
    clear = sorted(name for name in of if data_map.stores[data_map.datasets[name].store].kind != _VAULT)
    if clear:
        return f"whereabouts in {', '.join(clear)} lie where accounts of the machine or the database decide who reads them"
    open_to_any = [name for name in uses_of_location(data_map) if not data_map.purposes[name].readers]
    if not data_map.purposes and of:
        return "the map has no purposes, so that any account may open for any"
    return f"any account may open for {', '.join(open_to_any)}: name `readers:`" if open_to_any else ""


def _staff(context: Context) -> str:
    """Say whether the register of staff is empty, or which rights lapsed because a person did not confirm them."""
    rights = staff_review.review(context).rights
    if not rights:
        return "no person is in the register of staff: `expunge staff first-link`"
    lapsed = sorted({each.label for each in rights if each.holds is GrantStanding.LAPSED})
    return f"rights of {', '.join(lapsed)} were not confirmed for twelve months: `expunge staff review`" if lapsed else ""


_RECORDED = frozenset({ProtectedKind.VOICE, ProtectedKind.IMAGE})
_VAULT = "vault"
_CHECKS: dict[str, Callable[[Context], str]] = {
    "approvers": _approvers,
    "assurances": _assurances,
    "backups": _backups,
    "claims": _claims,
    "clocks": _clocks,
    "consent": _consent,
    "disclosed": _disclosed,
    "gate": _gate,
    "guardians": _guardians,
    "inactivity": _inactivity,
    "kinds": _kinds,
    "ledger": _ledger,
    "lineage": _lineage,
    "necessity": _necessity,
    "openings": _openings,
    "posted": _posted,
    "prompt": _prompt,
    "provenance": _provenance,
    "readers": _readers,
    "recipients": _recipients,
    "reminders": _reminders,
    "requests": _requests,
    "retention": _retention,
    "reviews": _reviews,
    "sealed": _sealed,
    "sealed and carried": _carried,
    "staff": _staff,
    "stores": _stores,
    "third parties": _third_parties,
    "whereabouts": _whereabouts,
}
"""Name -> what is wrong, or nothing."""
_SAID = {
    "approvers": "somebody else approves plans",
    "assurances": "whoever gets data of children has given a written assurance that holds",
    "backups": "every store's backups are declared",
    "claims": "what was published is true, as far as it was looked at",
    "clocks": "nothing is overdue",
    "consent": "purposes rest on consent, with texts",
    "disclosed": "the page tells the schedule that is enforced",
    "gate": "the gate's snapshot is fresh",
    "guardians": "the map says who decides for a child",
    "inactivity": "what is not used any more has an end",
    "kinds": "the categories say what is in scope, and samples of every dataset say the same",
    "ledger": "an order is entered in the ledger, and nothing of it is overdue",
    "lineage": "what is derived names its sources",
    "necessity": "all that is asked of children is needed for what they do, or they are free to say no",
    "openings": "every opening of twelve months was allowed at its time, and a person has looked",
    "posted": "each notice of an order was shown on each of its days",
    "prompt": "what has to go promptly has a number, and none is over",
    "provenance": "models say what they were made from",
    "readers": "whereabouts lie sealed, and each purpose that uses them names the accounts that may open them",
    "recipients": "recipients are declared, and none is late",
    "reminders": "no family waits for a reminder that whereabouts are collected",
    "requests": "requests of authorities have a clock, and none is overdue",
    "retention": "everything has a finite period that reaches it, a purpose and a need, nothing is past it, and every rule is used",
    "reviews": "every use of location has a review that holds",
    "sealed and carried": "no recording of a voice or a picture that the map declares lies in the clear or is carried over plain HTTP",
    "sealed": "no recording of a voice or a picture that the map declares lies in the clear",
    "staff": "every right of staff was granted or confirmed within twelve months",
    "stores": "every store can be reached",
    "third parties": "the public is told who else gets data and why, and the retention policy",
    "whereabouts": "samples of every dataset hold no whereabouts that its categories do not say",
}
