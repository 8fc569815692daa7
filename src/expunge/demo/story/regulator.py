"""The regulator's story: two orders against one company, one retroactive and one forward, up to the sworn drafts."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from shlex import quote

from expunge.bootstrap import Expunge
from expunge.core.disgorgement.disgorgement_events import DisgorgementState
from expunge.core.disgorgement.forward_limb import ForwardFinding
from expunge.core.values.order import OrderState
from expunge.demo.company import services
from expunge.demo.company.build import build_company
from expunge.demo.company.cameras import CUT_OFF, Cameras, build_cameras
from expunge.demo.company.narration import Narrator
from expunge.demo.company.people import COMPANY
from expunge.demo.company.stage import OFFICER, Officer, Stage
from expunge.demo.story.chapters import SEED, clear
from expunge.demo.voices.speech import Speech, find
from expunge.errors import IllegalTransition, UsageError
from expunge.gate import Subject

STATEMENTS = "statements"
MYSTERY = "models/from-a-shared-folder"
_HOUR = timedelta(hours=1)


def tell(folder: Path, *, seed: int = SEED, speech: Speech | None = None, narrator: Narrator | None = None) -> Stage:
    """Perform it in ``folder``, which is new, empty, or that of an earlier demonstration.

    Raises UsageError for a folder that holds something else, or where the orders that are told of are not installed.
    """
    clear(folder)
    teller = narrator if narrator is not None else Narrator()
    with services.running(folder / "servers", folder / "world") as running:
        running.announce()
        officer = Officer()
        with teller.chapter("A company that listens and looks"):
            world = build_company(folder, running, seed, speech if speech is not None else find(), officer.approvers)
            cameras = build_cameras(world, officer)
            stage = Stage(folder, teller, world, officer)
            teller.say(
                f"{COMPANY} sells a voice assistant and a camera for the front door. Its people have labelled some of what cameras saw; "
                "models were trained on the labels, on recordings that nobody labelled, and on what was said to the assistant."
            )
            teller.point(f"{len(cameras.clips())} clips, {len(cameras.labelled)} of them labelled before {CUT_OFF}")
            teller.point(f"models: {', '.join(sorted(cameras.models()))}")
            Expunge.init(stage.map)
        _camera_order(stage, cameras)
        _assistant_order(stage, cameras)
    _end(stage)
    return stage


def order_file(name: str) -> Path:
    """One of the orders of the table, which lie beside the source. Raises UsageError where they do not."""
    path = Path(__file__).resolve().parents[3] / "orders" / f"{name}.yaml"
    if not path.is_file():
        message = f"the order {name} does not lie beside the source"
        raise UsageError(message, help="run it in a clone of the source")
    return path


def _camera_order(stage: Stage, cameras: Cameras) -> None:
    narrator = stage.narrator
    with narrator.chapter("The camera order looks back"), Expunge.open(stage.map) as expunge:
        service, path = expunge.disgorgements, order_file("ring")
        order = service.read(path)
        narrator.command(f"expunge order disgorge {quote(str(path))} --preview")
        found = service.preview(order)
        rows = [
            (each.limb.name, each.limb.provision, str(sum(each.items.values())), ", ".join(each.items), str(len(each.unknown)))
            for each in found
        ]
        narrator.table("What each limb takes", ["limb", "provision", "items", "of", "unknown"], rows, numbers=2)
        (models,) = (hit for each in found if each.limb.name == "work-product" for hit in each.hits)
        for name, steps in models.paths.items():
            narrator.point(f"{name}: {' -> '.join([steps[0].source, *(f'{step.how} -> {step.product}' for step in steps)])}")
        standing = service.enter(order, by="legal")
        _carry_out(stage, expunge, standing)
        try:
            service.statement(standing.id)
        except IllegalTransition as refused:
            stage.expect(MYSTERY in refused.message, "no statement yet: nobody can tell where one model came from")
        service.decide(standing.id, MYSTERY, tainted=True, by="Priya, head of data", reason="the folder was the labelling team's")
        narrator.point("Priya, head of data, decides that it is tainted, and says why")
        _carry_out(stage, expunge, service.again(standing.id))
        stage.expect(cameras.clips() == set(cameras.untouched), f"gone: the {len(cameras.labelled)} labelled clips; every other is there")
        stage.expect(all(face >= CUT_OFF for face in cameras.faces()) and bool(cameras.faces()), f"gone: every face from before {CUT_OFF}")
        stage.expect(
            cameras.models() == {"motion-2016", "speech-2025"},
            "gone: every model that annotation taught, by fine-tuning and distilling too; what it did not teach is there",
        )
        _draft(stage, expunge, standing.id, "camera-order")


def _assistant_order(stage: Stage, cameras: Cameras) -> None:
    narrator, request = stage.narrator, stage.world.requests[0]
    with narrator.chapter("The voice-assistant order looks forward"), Expunge.open(stage.map) as expunge:
        service = expunge.disgorgements
        standing = service.enter(service.read(order_file("amazon-alexa")), by="legal")
        stage.expect(not standing.examined, "it destroys nothing: what was made before a deletion was processed stays")
        order = expunge.order_erase([expunge.resolve(f"{request.kind}:{request.value}")], attested=OFFICER).order
        expunge.plan(order)
        expunge.approve(order, OFFICER, stage.officer.sign(expunge.approval_message(order)))
        run = expunge.apply(order)
        processed = run.ended_at
        erased = run.state in (OrderState.FULFILLED, OrderState.IN_PART) and all(reason.startswith("models: ") for reason in run.reasons)
        stage.expect(erased and processed is not None, f"{request.asked_by} has {request.person.name} erased; older models stay")
        assert processed is not None
        who = Subject("profile", request.person.profile_id)
        stage.expect(not expunge.gate().may_use(who, "training").allowed, "the gate lets nothing of that child into a training")
        _new_models(cameras, processed)
        narrator.command(f"expunge order forward-check {standing.id}")
        (judged,) = service.forward(standing.id)
        said = {each.product.name: each for each in judged.judged if each.product.name.startswith("models/")}
        for name, each in said.items():
            narrator.point(f"{name}: {each.finding.value}: {each.why}")
        stage.expect(said["models/speech-2025"].finding is ForwardFinding.BEFORE, "the older speech model stays, and may be used")
        stage.expect(said["models/speech-next"].finding is ForwardFinding.CLEAN, "one that was trained on what was left is clean")
        stage.expect(
            said["models/speech-stale"].finding is ForwardFinding.VIOLATION,
            "one that was trained on a copy from before the deletion is found",
        )
        cameras.remove_model("speech-stale")
        narrator.point("it is withdrawn")
        _draft(stage, expunge, standing.id, "voice-assistant-order")


def _new_models(cameras: Cameras, processed: datetime) -> None:
    before, after, later = ((processed + by).isoformat() for by in (-_HOUR, _HOUR, 2 * _HOUR))
    cameras.add_model("speech-stale", ("training", "trained on", after, before))
    cameras.add_model("speech-next", ("training", "trained on", later, after))


def _carry_out(stage: Stage, expunge: Expunge, standing: DisgorgementState) -> None:
    orders = [each.order for each in standing.examined if each.order and expunge.status(each.order).state is OrderState.FENCED]
    for order in orders:
        expunge.plan(order)
        expunge.approve(order, OFFICER, stage.officer.sign(expunge.approval_message(order)))
    for order in orders:
        run = expunge.apply(order)
        why = f": {'; '.join(run.reasons)}" if run.reasons else ""
        stage.expect(run.state is OrderState.FULFILLED, f"{order}: planned, approved, applied: {run.state}{why}")


def _draft(stage: Stage, expunge: Expunge, name: str, title: str) -> None:
    drafted = expunge.disgorgements.statement(name)
    folder = stage.folder / STATEMENTS / title
    for path, data in drafted.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    numbers = sum(len(part.lines) for part in drafted.draft.parts)
    links = all((folder / each.href).is_file() for part in drafted.draft.parts for line in part.lines for each in line.evidence)
    stage.expect(links, f"a draft of the statement, unsigned: {numbers} numbers, each with a file behind it")
    for part in drafted.draft.parts:
        for line in part.lines:
            stage.narrator.quote(f"{part.provision}: {line.number} {line.text}")


def _end(stage: Stage) -> None:
    places = [
        f"{stage.folder / STATEMENTS}/*/statement.html   the drafts, with receipts and evidence beside them",
        f"{stage.folder / 'world'}   the company's stores, as they are now",
        f"{stage.folder / 'state'}   Expunge's own state: journal, keys, log",
    ]
    stage.narrator.box("Where things lie", "\n".join(places))
    for failure in stage.failures:
        stage.narrator.point(failure, good=False)
