"""What a journal folds to, as JSON: every name in it is written out here, so that it stays what it was when code is renamed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

from expunge.core.consent import consent, consent_requests
from expunge.core.disgorgement import disgorgement_events
from expunge.core.journal import access_tokens, recipient_ledger
from expunge.core.journal import events as ev
from expunge.core.lineage import observations
from expunge.core.models import model_outcomes
from expunge.core.orders.round import StepRun
from expunge.core.orders.run import Run, next_steps
from expunge.core.retention import inactivity, public_claims
from expunge.core.values import codec
from expunge.engine.evidence import link_marks
from expunge.engine.gate import fencing
from expunge.engine.kernel import journal_streams
from expunge.engine.kernel.context import Context
from expunge.engine.subjects import hold_register
from expunge.ports.journal import Journal


class Still:
    """A clock that stands."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at


def states(journal: Journal, now: datetime) -> dict[str, Any]:
    """Stream -> what it folds to, by the folds that the product uses, as of ``now``."""
    # What these registers' folds ask of a context is the journal and the time.
    context = cast("Context", SimpleNamespace(journal=journal, clock=Still(now)))
    found: dict[str, Any] = {
        order: of_order(journal_streams.Recorder(journal, Still(now), order).run) for order in journal_streams.orders(journal)
    }
    found["holds"] = of_holds(context)
    found["suppressions"] = of_suppressions(context)
    found["restorals"] = [codec.to_json(each) for each in journal_streams.read_register(journal, journal_streams.RESTORALS)]
    found["tellings"] = [codec.to_json(each) for each in journal_streams.read_register(journal, journal_streams.TELLINGS)]
    found["consents"] = of_consents(list(journal_streams.read_register(journal, journal_streams.CONSENTS)))
    found["lineage"] = of_lineage(journal_streams.read_register(journal, journal_streams.LINEAGE))
    found["tokens"] = of_tokens(journal_streams.read_register(journal, journal_streams.TOKENS))
    found["recipients"] = of_recipients(journal_streams.read_register(journal, journal_streams.RECIPIENTS))
    found["disgorgements"] = of_disgorgements(journal_streams.read_register(journal, journal_streams.DISGORGEMENTS))
    found["idle"] = of_idle(journal_streams.read_register(journal, journal_streams.IDLE))
    found["claims"] = of_claims(journal_streams.read_register(journal, journal_streams.CLAIMS))
    found["models"] = of_models(list(journal_streams.read_register(journal, journal_streams.MODELS)))
    return found


def of_order(run: Run) -> dict[str, Any]:
    """Everything that is known of an order."""
    return {
        "received": codec.to_json(run.received),
        "state": run.state.value,
        "plan": None if run.plan is None else run.plan.digest,
        "planned at": when(run.planned.at if run.planned else None),
        "expected": dict(run.planned.expected) if run.planned else {},
        "places": sorted(run.places),
        "fenced at": when(run.fenced_at),
        "approvals": [codec.to_json(each) for each in run.approvals],
        "queued": None if run.queued is None else codec.to_json(run.queued),
        "round": run.round,
        "cohort": list(run.current.cohort),
        "traces of": run.traces_of,
        "steps": {name: of_step(step) for name, step in run.current.steps.items()},
        "next steps": list(next_steps(run)),
        "items": nested(run.current.items),
        "erased": nested(run.erased),
        "kept": nested(run.kept),
        "located in": run.located_in,
        "remade": {name: codec.to_json(each) for name, each in run.remade.items()},
        "judged": {name: codec.to_json(each) for name, each in run.current.judged.items()},
        "stated": {name: codec.to_json(each) for name, each in run.current.stated.items()},
        "logged": {name: codec.to_json(each) for name, each in run.current.logged.items()},
        "history": [list(each) for each in run.history],
        "reasons": list(run.reasons),
        "ended at": when(run.ended_at),
        "final": run.final,
        "erased at": when(run.erased_at),
        "taken at": when(run.taken_at),
        "unpurged": sorted(run.unpurged),
        "purged at": when(run.purged_at),
        "extended at": when(run.extended_at),
        "key destroyed": run.key_destroyed,
        "traces ended": run.traces_ended,
        "last": when(run.last),
        "length": run.length,
    }


def of_step(step: StepRun) -> dict[str, Any]:
    outcomes = {name: {whom: codec.to_json(each) for whom, each in by.items()} for name, by in step.outcomes.items()}
    return {
        "attempts": step.attempts,
        "open": step.open,
        "outcomes": outcomes,
        "counts": dict(step.counts),
        "ended": when(step.ended),
        "unknown": step.unknown,
        "retryable": step.retryable,
    }


def of_holds(context: Context) -> dict[str, Any]:
    past = [
        {"hold": codec.to_json(each.hold), "ended": when(each.ended), "stated": when(each.stated)} for each in hold_register.past(context)
    ]
    return {"active": [codec.to_json(each) for each in hold_register.active(context)], "past": past}


def of_suppressions(context: Context) -> dict[str, Any]:
    return {
        "orders": {order: codec.to_json(each) for order, each in fencing.standing_orders(context).items()},
        "marks": {mark.hex(): [str(order), str(subject)] for mark, (order, subject) in link_marks.marked(context).items()},
    }


def of_consents(events: list[ev.Event]) -> dict[str, Any]:
    known = consent.fold(consent.Consents({}, {}), [cast("Any", each) for each in events])
    return {
        "texts": {f"{text} {version}": sha for (text, version), sha in known.fixed.items()},
        "terms": {digest: codec.to_json(terms) for digest, terms in known.terms.items()},
        "said": {
            whom: {purpose: [one(each.given), one(each.withdrawn)] for purpose, each in by.items()} for whom, by in known.said.items()
        },
        "guardianships": {proof: [one(each.proven), one(each.ended)] for proof, each in known.guardianships.items()},
        "frozen": {whom: one(each) for whom, each in known.frozen.items()},
        "ordered": {name: one(each) for name, each in known.ordered.items()},
        "withdrawals": {name: one(each) for name, each in known.withdrawals.items()},
        "history": {whom: [one(each) for each in some] for whom, some in known.history.items()},
        "entries": {whom: sorted(some) for whom, some in known.entries.items()},
        "wards": {whom: list(some) for whom, some in known.wards.items()},
        "became": {whom: str(known.of(whom)) for whom in {*known.history, *known.entries}},
        "askings": {
            request: {
                "asked": one(each.asked),
                "sent": one(each.sent),
                "done": each.done,
                "done at": when(each.done_at),
                "ended": one(each.ended),
                "evidence": one(each.evidence),
                "evidence gone": each.evidence_gone,
            }
            for request, each in consent_requests.fold(events).items()
        },
    }


def of_lineage(events: Iterable[ev.Event]) -> list[Any]:
    seen = observations.add_packed(each.packed for each in events if isinstance(each, observations.Observed))
    return [
        {
            "job": flow.job,
            "inputs": sorted(flow.inputs),
            "outputs": sorted(flow.outputs),
            "columns": sorted([each.source, each.field, each.target, each.column] for each in flow.columns),
            "completed": flow.completed,
            "runs": flow.runs,
            "first": when(flow.first),
            "last": when(flow.last),
        }
        for flow in seen.flows
    ]


def of_tokens(events: Iterable[ev.Event]) -> dict[str, Any]:
    return {
        name: [each.name, each.scope.value, each.digest, when(each.issued), when(each.until), when(each.revoked)]
        for name, each in access_tokens.fold_tokens(events).items()
    }


def of_recipients(events: Iterable[ev.Event]) -> dict[str, Any]:
    ledger = recipient_ledger.fold(events)
    return {
        "instructions": [
            [each.order, each.recipient, list(each.datasets), each.digest, when(each.at), each.stands.value]
            for each in ledger.instructions.values()
        ],
        "seen": {name: sorted(some) for name, some in ledger.seen.items()},
        "blocked": sorted(ledger.blocked()),
    }


def of_disgorgements(events: Iterable[ev.Event]) -> dict[str, Any]:
    return {
        name: {
            "entered": one(each.entered),
            "order": codec.to_json(each.order),
            "examined": [one(look) for look in each.examined],
            "decided": {item: one(said) for item, said in each.decided.items()},
            "excepted": {f"{limb} {item}": one(said) for (limb, item), said in each.excepted.items()},
            "drafted": [one(said) for said in each.drafted],
        }
        for name, each in disgorgement_events.standings(events).items()
    }


def of_idle(events: Iterable[ev.Event]) -> dict[str, Any]:
    return {
        whom: [each.kind, each.state.value, *map(when, (each.flagged, each.last_used, each.changed)), each.source, each.order]
        for whom, each in inactivity.fold_idle(events).items()
    }


def of_claims(events: Iterable[ev.Event]) -> dict[str, Any]:
    public = public_claims.fold_claims(events)
    return {"at": when(public.at), "sentences": public.sentences, "false": {name: when(at) for name, at in public.false.items()}}


def of_models(events: list[ev.Event]) -> dict[str, Any]:
    held = {name: sorted(some) for name, some in model_outcomes.holders(events).items()}
    return {"holders": held, "blocked": sorted(model_outcomes.blocked(events)), "contents": sorted(model_outcomes.blocked_contents(events))}


def when(at: datetime | None) -> str | None:
    return None if at is None else codec.instant(at)


def one(value: object) -> Any:
    return codec.to_json(value)


def nested(by: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {name: dict(some) for name, some in by.items()}
