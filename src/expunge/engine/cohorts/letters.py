"""Send the letter of a cohort: one template for all, nothing beside it, and a ledger of what became of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

from expunge.core.accounts.mail_addresses import is_address
from expunge.core.journal.cohorts import MOST_TRIES, CohortNotice
from expunge.core.journal.notice_events import CohortBounced, CohortSent, CohortTried, LetterResult
from expunge.core.values.ids import Pseudonym
from expunge.engine.cohorts import customers
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import COHORTS, register
from expunge.engine.subjects import resolving
from expunge.errors import UsageError
from expunge.ports.accounts.family_letters import LetterDelivery
from expunge.ports.accounts.letters import Letter

MOST_TEMPLATE = 64 * 2**10
_SUBJECT = "Subject: "
_HELP = "a text file in UTF-8: first a line `Subject: ...`, an empty line, then the letter"


@dataclass(frozen=True)
class CohortTemplate:
    """The letter: the same bytes for each customer."""

    subject: str
    text: str = field(repr=False)
    digest: str
    """Hex SHA-256 of the file, as the ledger has it."""


def read_template(data: bytes) -> CohortTemplate:
    """Read a template. Raises UsageError for one that is no letter."""
    try:
        first, empty, text = data.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise UsageError("the letter is no UTF-8", help=_HELP) from error
    if not first.startswith(_SUBJECT) or "\n" in first or not empty or not text.strip() or len(data) > MOST_TEMPLATE:
        raise UsageError("the letter has no subject, no text, or is too long", help=_HELP)
    return CohortTemplate(first.removeprefix(_SUBJECT).strip(), text, sha256(data).hexdigest())


def send(context: Context, name: str, template: CohortTemplate, delivery: LetterDelivery, most: int) -> CohortNotice:
    """Send the letter to the customers who have to be told, at most so many. Return the cohort as it then stands.

    Each customer's addresses are looked up now and kept nowhere. Intent before, outcome after: a crash between sends one letter once more.

    Raises UsageError for another letter than the one that was entered, and as the stores do.
    """
    cohort = customers.named(context, name)
    if template.digest != cohort.template:
        message = "this is another letter than the one that the notice was begun with"
        raise UsageError(message, help="give the same file: each customer gets the same letter, and nothing else")
    waiting = [subject for subject, customer in cohort.customers.items() if customer.told.owed and customer.tries < MOST_TRIES]
    identities = customers.values(context, cohort) if waiting else {}
    for subject in waiting[:most]:
        register(context.journal, COHORTS, CohortTried(context.clock.now(), name, subject))
        result = _deliver(context, identities.get(subject), template, f"{name} {subject}", delivery)
        # commit point: the customer is told, or is not reached by mail.
        register(context.journal, COHORTS, CohortSent(context.clock.now(), name, subject, result))
    return customers.named(context, name)


def bounced(context: Context, name: str, subject: Pseudonym, by: str) -> CohortNotice:
    """Enter that a letter came back undelivered. Raises UsageError for a customer whom the cohort does not have."""
    if subject not in customers.named(context, name).customers:
        raise UsageError("this customer is not of the notice", help="`expunge notice cohort show NAME --unreached` lists customers")
    register(context.journal, COHORTS, CohortBounced(context.clock.now(), name, subject, by))
    return customers.named(context, name)


def _deliver(
    context: Context, identity: tuple[str, str] | None, template: CohortTemplate, key: str, delivery: LetterDelivery
) -> LetterResult:
    """Write to every mail address of a customer; taken where one of them took it."""
    addresses = _addresses(context, *identity) if identity else ()
    results = {delivery.deliver(Letter(address, template.subject, template.text, "", key=key)) for address in addresses}
    for result in (LetterResult.TAKEN, LetterResult.LATER, LetterResult.REFUSED):
        if result in results:
            return result
    return LetterResult.NO_ADDRESS


def _addresses(context: Context, kind: str, value: str) -> tuple[str, ...]:
    """Return the mail addresses that the map's identities have of a customer, or of the account that the customer belongs to."""
    for whole in (False, True):
        person = resolving.resolve(context, f"{kind}:{value}", whole=whole).person
        found = {each for values in person.also.values() for each in values if is_address(each)}
        if found:
            # Why one of each case: an identity comes as it is written and in the spelling that stands for it. Capitals sort first.
            return tuple({address.lower(): address for address in sorted(found, reverse=True)}.values())
    return ()
