"""Ask a parent for consent by a method of several steps. The parent's contact is destroyed as soon as the asking ends."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256

from expunge.core.consent import consent_request_events as ae
from expunge.core.consent.consent import Consents
from expunge.core.consent.consent_events import ConsentTermsFixed, ConsentTextFixed
from expunge.core.consent.consent_requests import OpenAsking, fold, token_hash
from expunge.core.consent.consent_rules import may_give
from expunge.core.datamap.person import Person
from expunge.core.datamap.purposes import Purpose, discloses
from expunge.core.journal import events as ev
from expunge.core.values import canonical
from expunge.core.values.ids import OrderId, Pseudonym, pseudonym
from expunge.engine.consent import consent_decisions, direct_notices, disclosure_texts, guardian_register
from expunge.engine.consent.consent_decisions import Agreement, ConsentGrant
from expunge.engine.gate import consent_register, fencing
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import CONSENTS, read_register, register
from expunge.engine.subjects import gate_identity
from expunge.engine.subjects.resolving import ResolvedName
from expunge.errors import NeedsApproval, StateCorrupt, StoreUnavailable, UsageError
from expunge.ports.consent_method import Asking, AskingBegun, ConsentEvidence, ConsentMethod, HandedEvidence

ASKED = "asked.sealed"
EVIDENCE = "evidence.sealed"


@dataclass(frozen=True)
class ConsentQuestion:
    """The parent to ask, and the consent to ask for."""

    child: ResolvedName
    guardian: ResolvedName
    purpose: str
    born: date = field(repr=False)
    """The child's birthday, as the parent says it."""
    contact: str = field(default="", repr=False)
    """Where the method reaches the parent."""
    zone: str = ""
    """The time zone in which the child lives; UTC when empty."""


@dataclass(frozen=True)
class AccountQuestion:
    """The account of the pages that asks to be guardian, and the purposes that it chose."""

    child: ResolvedName
    account: str
    """A random UUID."""
    purposes: tuple[str, ...]
    """Each was chosen by a box of its own; none for authority alone."""
    notice: str
    """Hex SHA-256 of the direct notice that the page showed."""
    language: str = "en"
    born: date | None = field(default=None, repr=False)
    """The child's birthday, as the parent says it; not looked at where an earlier proof has it."""
    contact: str = field(default="", repr=False)
    zone: str = ""
    invitation: str = ""


@dataclass(frozen=True)
class AskingAnswer:
    """The result of a guardian's answer."""

    request: str
    agreed: ConsentGrant | None
    """The consent, once the last step is done."""
    why: str = ""
    """Where there is none: what is waited for, or why not."""
    proof: str = ""
    """The guardian's proof of authority, once the last step is done."""
    further: tuple[ConsentGrant, ...] = ()
    """The consents to the purposes after the first."""
    refused: tuple[str, ...] = ()
    """Purposes that were chosen and are not agreed to, because another guardian said no."""


@dataclass(frozen=True)
class AskingsSwept:
    """The result of a look at all open askings."""

    sent: int = 0
    expired: int = 0
    """Whose address was destroyed because nobody agreed in time."""
    ended: int = 0
    """Those that could not go on: the parent cannot be reached there any more, or data goes to third parties now."""
    evidence_deleted: int = 0
    unsent: int = 0
    """Messages that could not leave now; the next look tries again."""


def pending(context: Context) -> dict[str, OpenAsking]:
    """Return every asking, by its id."""
    return fold(read_register(context.journal, CONSENTS))


def ask(context: Context, method: ConsentMethod, question: ConsentQuestion) -> tuple[str, AskingBegun]:
    """Ask. Return the request's id and the part to hand over; empty where a message has left by itself.

    Raises:
        UsageError: the person may not be asked this, or not in this way.
        NeedsApproval: during a dispute.
        StoreUnavailable: the message could not leave; :func:`sweep` tries again.
    """
    consents = consent_register.load(context)
    child, now = question.child, context.clock.now()
    born = consent_register.birthday_of(question.born, question.zone)
    consent_register.require_no_dispute(context, consents, [child.person])
    guardian_register.require_child(context, child, question.guardian.person.subject, born, question.zone)
    known = _purpose(context, question.purpose)
    _require_enough(context, method)
    newest, data = disclosure_texts.to_show(context, consents, known.text)
    disclosure_texts.keep(context, data)
    request = _new_request(context)
    _seal(context, request, child, born, question.contact, question.zone)
    asked = ae.ConsentAsked(
        now, request, child.person.subject, child.kind, gate_identity.entry_of(context, child), question.guardian.person.subject,
        question.purpose, known.text, newest.version, sha256(data).hexdigest(), known.terms.digest(), method.name,
        now + context.data_map.consent_wait,
    )  # fmt: skip
    # commit point: somebody is asked; what identifies them dies with the asking at the latest.
    register(context.journal, CONSENTS, asked)
    return _begin(context, method, OpenAsking(asked))


def ask_for_account(context: Context, method: ConsentMethod, question: AccountQuestion) -> str:
    """Ask an account of the pages to show by a method that it is guardian, and to confirm what it chose. Return the request's id.

    Raises:
        UsageError: the account may not be asked this, or not in this way; the notice was not shown as it is now.
        NeedsApproval: during a dispute.
        StoreUnavailable: the message could not leave; :func:`sweep` tries again.
    """
    consents = consent_register.load(context)
    child, now = question.child, context.clock.now()
    consent_register.require_no_dispute(context, consents, [child.person])
    guardian = guardian_of(context, question.account)
    born, zone = _birthday(context, consents, question)
    guardian_register.require_child(context, child, guardian, born, zone)
    _require_enough(context, method)
    shown = direct_notices.shown(context, question.language, question.notice)
    chosen = tuple(_chosen(context, consents, name) for name in question.purposes)
    request = _new_request(context)
    _seal(context, request, child, born, question.contact, zone)
    first = chosen[0] if chosen else ae.AskedPurpose("", "", "", "", "")
    asked = ae.ConsentAsked(
        now, request, child.person.subject, child.kind, gate_identity.entry_of(context, child), guardian,
        first.purpose, first.text, first.version, first.sha256, first.terms, method.name, now + context.data_map.consent_wait,
    )  # fmt: skip
    account = ae.AccountAsked(now, request, question.account, chosen, question.notice, question.language, question.invitation)
    delivered = ae.NoticeDelivered(now, request, question.notice, ae.NoticeWay.PAGE)
    # commit point: the account is asked; its address dies with the request at the latest.
    register(context.journal, CONSENTS, *shown, asked, account, delivered)
    _begin(context, method, OpenAsking(asked, account=account, notices=frozenset({question.notice})))
    return request


def guardian_of(context: Context, account: str) -> Pseudonym:
    """Return the pseudonym under which an account of the pages stands in the register of guardians."""
    return pseudonym(context.keys.pseudonym_key(), _ACCOUNT, account)


_ACCOUNT = "expunge.account"
"""No identity kind of a map has a dot in it."""


def _birthday(context: Context, consents: Consents, question: AccountQuestion) -> tuple[date, str]:
    """Return the child's birthday and zone: those of an authority in force, or what the parent says."""
    for guardianship in consents.guardians_of(question.child.person.subject, context.clock.now()):
        born = consent_register.born_under(context, guardianship.proven.proof)
        if born is not None:
            return born, guardianship.proven.zone
    if question.born is None:
        raise UsageError("the child's birthday is missing", help="give it as 2017-05-04")
    return consent_register.birthday_of(question.born, question.zone), question.zone


def _chosen(context: Context, consents: Consents, name: str) -> ae.AskedPurpose:
    known = _purpose(context, name)
    newest, data = disclosure_texts.to_show(context, consents, known.text)
    disclosure_texts.keep(context, data)
    return ae.AskedPurpose(name, known.text, newest.version, sha256(data).hexdigest(), known.terms.digest())


def _purpose(context: Context, name: str) -> Purpose:
    known = context.data_map.purposes.get(name)
    if known is None or not known.text:
        message = f"{name!r} is no purpose that rests on consent"
        raise UsageError(message, help="`expunge consent texts` shows those that do")
    return known


def _new_request(context: Context) -> OrderId:
    return OrderId("ask-" + context.random(8).hex())


def _seal(context: Context, request: OrderId, child: ResolvedName, born: date, contact: str, zone: str) -> None:
    sealed = {"person": child.person.to_json(), "born": born.isoformat(), "contact": contact}
    sealed |= {"zone": zone} if zone else {}
    context.shelf.put(request, ASKED, context.keys.seal(request, ASKED, canonical.encode(sealed)))


def _begin(context: Context, method: ConsentMethod, one: OpenAsking) -> tuple[str, AskingBegun]:
    try:
        return one.asked.request, _send(context, method, one)
    except UsageError:
        over(context, one, ae.AskingEnd.NOT_REACHED, "")
        raise


def _require_enough(context: Context, method: ConsentMethod) -> None:
    if not method.allows_disclosure and discloses(context.data_map.purposes.values()):
        message = f"data goes to third parties, and {method.name} is not enough for that (16 CFR 312.5(b)(2))"
        raise UsageError(message, help="ask by a signed form, a card, knowledge questions or an identity document")


def _send(context: Context, method: ConsentMethod, one: OpenAsking) -> AskingBegun:
    """Begin the next step under a fresh token. Written down after it left: a crash between sends it again, under another token."""
    printed = one.account is not None and method.evidence is ConsentEvidence.DOCUMENT
    token = _readable(context) if printed else base64.urlsafe_b64encode(context.random(24)).decode()
    begun = method.begin(_asking(context, one, token))
    now, request = context.clock.now(), one.asked.request
    if printed:
        # Why kept: the account prints the form when it likes, and a member of staff compares the number on it.
        place = OrderId(request)
        context.shelf.put(place, ASKED, context.keys.seal(place, ASKED, canonical.encode({**_sealed(context, one), _NUMBER: token})))
    events: list[ev.RegisterEvent] = [ae.ConsentMessageSent(now, request, one.step, token_hash(token), one.asked.expires)]
    if one.step == 1 and method.tells_all:
        way = ae.NoticeWay.PAPER if begun.body else ae.NoticeWay.MAIL
        events += direct_notices.delivered(context, request, _language(one), way)
    register(context.journal, CONSENTS, *events)
    return begun


def _readable(context: Context) -> str:
    """Return a token that a person can compare with a printed one: 80 bits, in four groups."""
    letters = base64.b32encode(context.random(10)).decode()
    return "-".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def form(context: Context, method: ConsentMethod, one: OpenAsking) -> AskingBegun:
    """Return the form of an open request of an account, the same at each call. Raises UsageError where the method has none."""
    number = number_of(context, one)
    if one.ended is not None or not number:
        raise UsageError("this request has no form", help="look at the list of the account's requests")
    return method.begin(_asking(context, one, number))


def number_of(context: Context, one: OpenAsking) -> str:
    """Return the number that stands on a request's form; empty where it has none."""
    return str(_sealed(context, one).get(_NUMBER, "")) if one.ended is None else ""


_NUMBER = "number"


def _language(one: OpenAsking) -> str:
    return one.account.language if one.account else direct_notices.ENGLISH


def _asking(context: Context, one: OpenAsking, token: str) -> Asking:
    sealed, asked = _sealed(context, one), one.asked
    chosen = one.purposes
    texts = [context.shelf.get(disclosure_texts.SHELF, disclosure_texts.name_of(each.sha256)) or b"" for each in chosen]
    days = max((asked.expires - context.clock.now()) // timedelta(days=1), 0)
    purposes = [context.data_map.purposes.get(each.purpose) for each in chosen]
    words = "; ".join(known.description if known else each.purpose for each, known in zip(chosen, purposes, strict=True))
    items = tuple(dict.fromkeys(each for known in purposes if known for each in known.datasets))
    recipients = tuple(dict.fromkeys(each for known in purposes if known for each in known.recipients))
    notice = direct_notices.now(context, _language(one)).text
    disclosure = "\n\n".join([*(text.decode().rstrip() for text in texts), notice])
    language = _language(one)
    contact, on_pages = str(sealed["contact"]), one.account is not None
    return Asking(asked.request, one.step, contact, token, words, disclosure, days, items, recipients, language, on_pages)


def _sealed(context: Context, one: OpenAsking) -> Mapping[str, canonical.Json]:
    request = OrderId(one.asked.request)
    sealed = context.shelf.get(request, ASKED)
    value = canonical.decode(context.keys.open(request, ASKED, sealed)) if sealed is not None else None
    if not isinstance(value, Mapping):
        message = "what is needed to go on with this asking is missing"
        raise StateCorrupt(message, help="ask anew; nothing was agreed to")
    return value


def answer(context: Context, method: ConsentMethod, request: str, handed: HandedEvidence) -> AskingAnswer:
    """Take the answer to a step. It spends the token, whatever it says.

    Raises UsageError for an invalid token, StoreUnavailable when the answer cannot be judged now (the token is then not spent).
    """
    one = pending(context).get(request)
    if one is None or one.asked.method != method.name:
        message = "nobody was asked under this id in this way"
        raise UsageError(message, help="`expunge consent asked` lists the open ones")
    if one.account is not None and one.account.account != handed.account:
        raise UsageError("this link is for another account", help="log in with the account that began the request")
    now = context.clock.now()
    wrong = one.refuses(handed.token, now)
    if wrong is not None:
        raise UsageError(wrong, help="the parent uses the link of the last message, once; or ask anew")
    if one.asked.subject in consent_register.load(context).frozen:
        message = "the guardians of this child are in dispute: none of them decides anything now"
        raise NeedsApproval(message, help="`expunge guardian release`, once it is settled")
    outcome = method.complete(_asking(context, one, handed.token), handed)
    events: list[ae.AskingEvent] = [ae.ConsentStepDone(now, request, one.step)]
    if outcome.proven and outcome.evidence and method.evidence_ttl > timedelta(0):
        events.append(_kept(context, request, outcome.evidence, method.evidence_ttl))
    done = replace(one, done=one.step, done_at=now)
    if not outcome.proven:
        over(context, done, ae.AskingEnd.NOT_PROVEN, handed.staff, events)
        return AskingAnswer(request, None, outcome.why or ae.AskingEnd.NOT_PROVEN.value)
    if done.done < method.steps:
        register(context.journal, CONSENTS, *events)
        return AskingAnswer(request, None, f"a second message follows after {method.delay}, and is answered as well")
    return _agree(context, method, done, handed.staff, events)


def _agree(context: Context, method: ConsentMethod, one: OpenAsking, staff: str, events: Sequence[ev.RegisterEvent]) -> AskingAnswer:
    consents, asked = consent_register.load(context), one.asked
    wrong = _changed(context, consents, method, one)
    if wrong is not None:
        over(context, one, wrong, staff, [event for event in events if not isinstance(event, ae.EvidenceKept)])
        if any(isinstance(event, ae.EvidenceKept) for event in events):
            forget(context, _evidence_place(asked.request), EVIDENCE)
        return AskingAnswer(asked.request, None, wrong.value)
    sealed = _sealed(context, one)
    child = ResolvedName(asked.kind, Person.from_json(sealed["person"]), known=True)
    standing = (guardian.proven for guardian in consents.guardians_of(asked.subject, context.clock.now()))
    proven = next((each for each in standing if each.guardian == asked.guardian), None)
    born, zone = date.fromisoformat(str(sealed["born"])), str(sealed.get("zone", ""))
    fresh: list[ev.RegisterEvent] = []
    if proven is None:
        proven = guardian_register.proven(context, child, asked.guardian, born=born, method=method.name, by=staff or method.name, zone=zone)
        consents = consents.supposing(proven, consent_register.decides_alone(born, context.data_map.guardians[asked.kind], zone))
        fresh.append(proven)
    agreement = Agreement(
        f"{method.name}, asked for this alone", "confirmed", method.name, proven.proof, asked.sha256, method.allows_disclosure
    )
    grants, given, refused = _agreed_to(context, consents, child, one, agreement)
    if fresh:
        guardian_register.keep_birthday(context, proven.proof, born)
    if one.account is not None:
        given.append(ae.AccountAgreed(context.clock.now(), asked.request, proven.proof, tuple(grant.consent for grant in grants)))
    # commit point: authority, consent and the end of the asking, together or not at all.
    over(context, one, ae.AskingEnd.AGREED, staff, [*events, *fresh, *given])
    fencing.publish(context)
    return AskingAnswer(asked.request, grants[0] if grants else None, "", proven.proof, tuple(grants[1:]), refused)


def _agreed_to(
    context: Context, consents: Consents, child: ResolvedName, one: OpenAsking, agreement: Agreement
) -> tuple[list[ConsentGrant], list[ev.RegisterEvent], tuple[str, ...]]:
    """Prepare the consents of a request. Return the grants, their events, and the purposes that another guardian's no stands against."""
    if one.account is None:
        agreed, given = consent_decisions.prepare(context, consents, child, one.asked.purpose, agreement)
        return [agreed], list(given), ()
    grants: list[ConsentGrant] = []
    events: list[ev.RegisterEvent] = []
    refused: list[str] = []
    for each in one.account.purposes:
        own = replace(agreement, surface=f"{_SURFACE}, {agreement.method}", act="ticked", shown=each.sha256)
        if may_give(consents, child.person.subject, each.purpose, agreement.proof, context.clock.now()) is not None:
            refused.append(each.purpose)
            continue
        agreed, given = consent_decisions.prepare(context, consents, child, each.purpose, own)
        known = {event for event in events if isinstance(event, ConsentTextFixed | ConsentTermsFixed)}
        events += [event for event in given if not _again(event, known)]
        grants.append(agreed)
    return grants, events, tuple(refused)


_SURFACE = "direct notice, a box of its own"


def _again(event: ev.RegisterEvent, known: Iterable[ev.RegisterEvent]) -> bool:
    """Return whether an event fixes what another one of the same answer fixes already."""
    match event:
        case ConsentTextFixed():
            return any(isinstance(each, ConsentTextFixed) and (each.text, each.version) == (event.text, event.version) for each in known)
        case ConsentTermsFixed():
            return any(isinstance(each, ConsentTermsFixed) and each.digest == event.digest for each in known)
        case _:
            return False


def _changed(context: Context, consents: Consents, method: ConsentMethod, one: OpenAsking) -> ae.AskingEnd | None:
    """Whether what the parent answers to is not what is asked any more."""
    for each in one.purposes:
        purpose = context.data_map.purposes.get(each.purpose)
        if purpose is None or purpose.terms.digest() != each.terms or purpose.text != each.text:
            return ae.AskingEnd.CHANGED
        newest, data = disclosure_texts.to_show(context, consents, purpose.text)
        if newest.version != each.version or sha256(data).hexdigest() != each.sha256:
            return ae.AskingEnd.CHANGED
    if one.account and not direct_notices.reached(context, one):
        return ae.AskingEnd.CHANGED
    return ae.AskingEnd.NOT_ENOUGH if not method.allows_disclosure and discloses(context.data_map.purposes.values()) else None


def withdraw(context: Context, request: str, account: str) -> None:
    """End a request that an account began. Its address and the child's birthday die with it. Raises UsageError."""
    one = pending(context).get(request)
    if one is None or one.account is None or one.account.account != account or one.ended is not None:
        raise UsageError("this account has no such request open", help="look at the list of its requests")
    over(context, one, ae.AskingEnd.WITHDRAWN, "")


def over(context: Context, one: OpenAsking, how: ae.AskingEnd, by: str, events: Sequence[ev.RegisterEvent] = ()) -> None:
    """End an asking; the parent's address and the child's birthday die with it."""
    request = one.asked.request
    register(context.journal, CONSENTS, *events, ae.AskingEnded(context.clock.now(), request, how, by))
    _forget_all(context, one)


def _forget_all(context: Context, one: OpenAsking) -> None:
    """Destroy what lay sealed for a request, and the scan that waited."""
    forget(context, OrderId(one.asked.request), ASKED)
    if one.scan is not None:
        forget(context, OrderId(one.scan.place), EVIDENCE)


def forget(context: Context, place: OrderId, name: str) -> None:
    """Destroy the key of a place, then what lies there."""
    context.keys.destroy_order(place)
    # commit point: nobody can read it any more.
    context.shelf.remove(place, name)


def _kept(context: Context, request: str, evidence: bytes, ttl: timedelta) -> ae.EvidenceKept:
    place = _evidence_place(request)
    context.shelf.put(place, EVIDENCE, context.keys.seal(place, EVIDENCE, evidence))
    now = context.clock.now()
    return ae.EvidenceKept(now, request, sha256(evidence).hexdigest(), now + ttl)


def _evidence_place(request: str) -> OrderId:
    """Return the place on the shelf of what a parent handed in."""
    return OrderId(f"evd-{request.removeprefix('ask-')}")


def evidence(context: Context, request: str) -> bytes:
    """Return the evidence that a parent handed in, while it is kept. Raises UsageError before and after."""
    one = pending(context).get(request)
    sealed = context.shelf.get(_evidence_place(request), EVIDENCE) if one and one.evidence and not one.evidence_gone else None
    if sealed is None:
        message = "no evidence is kept under this id"
        raise UsageError(message, help="it is deleted when its time is up; the register says when it was")
    return context.keys.open(_evidence_place(request), EVIDENCE, sealed)


def sweep(context: Context, methods: Mapping[str, ConsentMethod]) -> AskingsSwept:
    """Send due messages, end askings without an answer in time, delete evidence at its end date. Safe to call again after any crash."""
    now = context.clock.now()
    swept = AskingsSwept()
    for request, one in pending(context).items():
        if one.ended is not None:
            _forget_rest(context, one)
        elif now >= one.asked.expires:
            over(context, one, ae.AskingEnd.EXPIRED, "")
            if one.evidence is None and context.shelf.get(_evidence_place(request), EVIDENCE) is not None:
                # Why it may be there: a crash came after it was sealed and before that was written down.
                forget(context, _evidence_place(request), EVIDENCE)
            swept = replace(swept, expired=swept.expired + 1)
        else:
            swept = _go_on(context, methods.get(one.asked.method), one, swept)
        if one.evidence is not None and not one.evidence_gone and now >= one.evidence.until:
            forget(context, _evidence_place(request), EVIDENCE)
            register(context.journal, CONSENTS, ae.EvidenceDeleted(now, request))
            swept = replace(swept, evidence_deleted=swept.evidence_deleted + 1)
    return swept


def _forget_rest(context: Context, one: OpenAsking) -> None:
    """Finish what a crash left of an ended request."""
    places = [(OrderId(one.asked.request), ASKED), *([(OrderId(one.scan.place), EVIDENCE)] if one.scan else ())]
    for place, name in places:
        if context.shelf.get(place, name) is not None:
            forget(context, place, name)


def _go_on(context: Context, method: ConsentMethod | None, one: OpenAsking, swept: AskingsSwept) -> AskingsSwept:
    if method is None:
        return swept
    if not method.allows_disclosure and discloses(context.data_map.purposes.values()):
        over(context, one, ae.AskingEnd.NOT_ENOUGH, "")
        return replace(swept, ended=swept.ended + 1)
    if not one.due(method.delay, context.clock.now()):
        return swept
    try:
        _send(context, method, one)
    except UsageError:
        over(context, one, ae.AskingEnd.NOT_REACHED, "")
        return replace(swept, ended=swept.ended + 1)
    except StoreUnavailable:
        return replace(swept, unsent=swept.unsent + 1)
    return replace(swept, sent=swept.sent + 1)
