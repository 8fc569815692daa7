"""Record a reviewer's reason for keeping a model that failed the membership-inference check."""

from __future__ import annotations

from dataclasses import replace

from expunge.core.models.model_outcomes import ArtefactRemade, ComparisonResult
from expunge.core.orders.run import Run
from expunge.core.values.ids import OrderId
from expunge.core.values.order import OrderState
from expunge.engine.intake import person_orders
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import Recorder
from expunge.engine.models.command_reports import LONGEST, names_one
from expunge.errors import UsageError

_WORDS = 3


def look_at(context: Context, order: OrderId, dataset: str, said: str) -> Run:
    """Enter a reviewer's reason for keeping a model with a *FAIL*. The next round counts it as looked at, and the receipt quotes it.

    Only where the main proof speaks for the model: an attack fails by chance once in twenty times, a comparison bit by bit never.

    Args:
        context: the composition.
        order: an order that ended in part.
        dataset: the model, by its name in the map.
        said: the reason, as the receipt will quote it.

    Raises:
        UsageError: there is no such FAIL, the order is not in part, no comparison showed that the model never had them, or the text is
            too short, too long, or names one of the people.
    """
    recorder = Recorder(context.journal, context.clock, order)
    known = recorder.run.remade.get(dataset)
    if known is None or known.membership is None or not known.membership.open:
        message = f"nothing of this order says FAIL of {dataset}, or it was looked at already"
        raise UsageError(message, help=f"`expunge status {order}` shows what is left, `expunge receipt show {order}` why")
    if recorder.run.state is not OrderState.IN_PART:
        message = f"the order is {recorder.run.state}, not in part"
        raise UsageError(message, help="look at it when its round is over")
    _require_proof(known)
    text = said.strip()
    if len(text.split()) < _WORDS or len(text) > LONGEST or not text.isprintable():
        message = f"what was said is no sentence of at least {_WORDS} words and at most {LONGEST} characters"
        raise UsageError(message, help='say who looked and why it stands: --said "equal to a training from nothing; the officer agreed"')
    people = person_orders.open_people(context, order)
    if names_one(text, {value.casefold() for person in people for _, value in person.identifiers()}):
        message = "what was said names one of the people"
        raise UsageError(message, help="leave the name out: it will stand in a receipt")
    return recorder.append(replace(known, at=recorder.now(), membership=known.membership.seen(text)))


def _require_proof(known: ArtefactRemade) -> None:
    if known.proof is not ComparisonResult.EQUAL:
        message = f"no comparison showed that {known.dataset} never had them ({known.proof})"
        mend = "name a command that makes it from nothing (`prove`), plan and apply again; or have the map destroy it"
        raise UsageError(message, help=mend)
