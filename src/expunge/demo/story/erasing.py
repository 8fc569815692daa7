"""The middle chapters: the requests, plans and approvals, and the erasing itself."""

from __future__ import annotations

import json
import time
import zipfile
from typing import TYPE_CHECKING

from expunge.bootstrap import Expunge
from expunge.core.evidence.commitment import Opening
from expunge.core.orders.plan import StepKind
from expunge.core.values.order import OrderState
from expunge.core.verification.receipt_folder import OPENING
from expunge.demo.company.stage import OFFICER, Stage
from expunge.demo.company.truth import write_before
from expunge.demo.company.world import Request
from expunge.demo.story import looking, several
from expunge.demo.story.looking import Looked
from expunge.gate import Subject

if TYPE_CHECKING:
    from expunge.engine.execution.planning import PlanForecast


def asking(stage: Stage, looked: Looked | None) -> None:
    """Two parents and one adult ask. Each is shown the subjects, given the data held, and gets an order."""
    with stage.narrator.chapter("Three people ask"), Expunge.open(stage.map) as expunge:
        for number, request in enumerate(stage.world.requests, 1):
            _ask(stage, expunge, number, request)
        first = stage.world.requests[0].person.profile_id
        decision = expunge.gate().may_use(Subject("profile", first), "ingest")
        stage.expect(not decision, "from this moment the fence stands: expunge.gate refuses new data about them")
        looking.stopped(stage, looked, expunge)


def _ask(stage: Stage, expunge: Expunge, number: int, request: Request) -> None:
    narrator, person = stage.narrator, request.person
    name = f"{request.kind}:{request.value}" if request.value == person.profile_id else request.value
    if person.child:
        narrator.say(f"{request.asked_by} asks for {person.name}, born {person.birth_year}, naming {name}.")
    else:
        narrator.say(f"{person.name} asks for herself, naming {name}.")
    resolved = expunge.resolve(name)
    ids = resolved.person.ids.get("profile", frozenset())
    stays = f"; {', '.join(resolved.owners)} of the household stays" if resolved.owners else ""
    stage.expect(
        resolved.known and ids == {person.profile_id}, f"that is one profile, {person.profile_id}, and nobody else{stays}; confirmed"
    )
    folder = stage.guardian(number)
    folder.mkdir(parents=True)
    write_before(folder / "before.json", stage.strings[person.profile_id])
    exported = expunge.export(resolved, folder / "export")
    with zipfile.ZipFile(folder / "export" / "part-1.zip") as archive:
        listed = json.loads(archive.read("part-1/manifest.json"))["files"]
    sounds = [each for each in listed if each["name"].endswith(".wav")]
    shared = sum("shared" in sound for sound in sounds)
    stage.expect(
        len(sounds) - shared >= 2 and shared >= 1 and not exported.failed,
        f"given first: export/part-1.zip, {exported.items} items, {len(sounds) - shared} recordings of their own and {shared} with others",
    )
    home = next(household for household in stage.world.households if household.account_id == person.account_id)
    accepted = expunge.order_erase([resolved], attested=f"{OFFICER}, by the account's second factor", contact=person.email or home.email)
    stage.orders.append(accepted.order)
    (folder / OPENING).write_bytes(Opening(accepted.openings[0], resolved.person.identifiers()).encode())
    narrator.point(f"order {accepted.order}; opening.json will show whose receipt it is, and nobody else has it")


def erasing(stage: Stage) -> None:
    """Plan, approve, apply."""
    with stage.narrator.chapter("Plan, approve, erase"), Expunge.open(stage.map) as expunge:
        forecasts = [expunge.plan(order) for order in stage.orders]
        _show_plans(stage, forecasts)
        for order in stage.orders:
            expunge.approve(order, OFFICER, stage.officer.sign(expunge.approval_message(order)))
        stage.narrator.say(f"The {OFFICER} signs the digest of each plan with a key that the map names; without that, nothing is erased.")
        start = time.monotonic()
        if stage.workers:
            several.carry_out(stage, expunge)
        else:
            expunge.apply_all(stage.orders)
        _ended(stage, expunge, time.monotonic() - start)


def _show_plans(stage: Stage, forecasts: list[PlanForecast]) -> None:
    people = [request.person.name for request in stage.world.requests]
    counts = [{name: sum(by.values()) for name, by in forecast.items.items()} for forecast in forecasts]
    steps = [step for step in forecasts[0].plan.steps if step.kind is StepKind.ERASE]
    names = [(step.datasets[0], step.store) for step in steps if any(count.get(step.datasets[0]) for count in counts)]
    rows = [(name, store, *(str(count.get(name, 0) or "-") for count in counts)) for name, store in names]
    rows.append(("=all", "", *(str(sum(count.values())) for count in counts)))
    stage.narrator.table("What will be erased", ["dataset", "store", *people], rows, numbers=2)
    depths = sorted({step.grounding for forecast in forecasts for step in forecast.plan.steps if step.grounding != "none"})
    seconds = sum(forecast.estimate.seconds for forecast in forecasts)
    stage.narrator.say(
        f"{len(forecasts[0].plan.steps)} steps each, depth: {', '.join(depths)}; estimated time {seconds} s. What is not listed stays."
    )


def _ended(stage: Stage, expunge: Expunge, seconds: float) -> None:
    for _, order, request in stage.requests:
        run = expunge.status(order)
        why = f": {'; '.join(run.reasons)}" if run.reasons else ""
        stage.expect(run.state is OrderState.FULFILLED, f"{request.person.name}: {run.state}{why}")
        if run.state is not OrderState.FULFILLED:
            for place in expunge.residue(order)[:10]:
                stage.narrator.point(f"{place.path} at {place.offset}: {place.dataset}, {place.part} ({place.hidden})", good=False)
    runs = [expunge.status(order) for order in stage.orders]
    shared = set(runs[0].current.cohort) == set(stage.orders)
    rewrites = sum(step.kind is StepKind.PURGE for step in runs[0].plan.steps) if runs[0].plan else 0
    stage.expect(
        shared, f"{seconds:.1f} s for all three together: they shared {rewrites} rewrites, one of each store, instead of {3 * rewrites}"
    )
