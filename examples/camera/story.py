"""The second example: a company is ordered to destroy what its people looked at, and what was learnt from their looking."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256

import numpy as np

from examples.camera import company, figures, index, models, order, words
from examples.camera.company import Clip, Seen
from examples.camera.order import Carried
from examples.common.drawing import Figure
from examples.common.estate import Estate
from examples.common.survey import survey


@dataclass
class Told:
    """What the page is made of."""

    small: bool
    clips: list[Clip]
    scores: dict[str, float] = field(default_factory=dict)
    """Model -> how well it tells faces at doors that no model was taught from; 0.5 is a coin."""
    carried: Carried | None = None
    gone: dict[str, int] = field(default_factory=dict)
    """Kind of item -> how many went."""
    left: dict[str, int] = field(default_factory=dict)
    figures: list[Figure] = field(default_factory=list)


def tell(estate: Estate, small: bool) -> None:
    """Fill the folder: stores, order, receipts, drawings, page."""
    narrator = estate.narrator
    with narrator.chapter("Cameras at twelve doors"):
        made = company.build(estate, small=small)
        seen = company.look(estate, made)
        company.write_map(estate)
        told = Told(small, made)
        told.scores = _learn(estate, made, seen)
        before_the_cut = [each for each in made if each.reviewed and each.reviewed < company.CUT_OFF]
        narrator.say(
            f"{len(made)} clips of real video; people of the company looked at {len(before_the_cut)} of them before {company.CUT_OFF}. "
            "One model was taught from what they wrote down, a second one by the first, a third from what owners said of their own "
            "clips, a fourth from movement alone."
        )
        told.figures.append(figures.sheet(estate, made))
    before, faces = _survey(estate), index.vectors(estate.world / company.INDEX)
    old = {each for each, record in index.owners(estate.world / company.INDEX).items() if str(record["made_at"]) < company.CUT_OFF}
    alike = figures.Alike(faces, old)
    alike.look(estate, "before the order")
    with narrator.chapter("The camera order"):
        told.carried = order.carry_out(estate)
    with narrator.chapter("What went, and what did not"):
        _compare(estate, told, before, _survey(estate), old)
        alike.look(estate, "after it")
    with narrator.chapter("What it costs a model to let a household go"):
        told.figures += figures.measured(estate, made, seen, small=small)
        told.figures.append(figures.before_and_after(estate, told.gone, told.left))
        told.figures.append(alike.drawn(estate))
    words.write(estate, told)


def _learn(estate: Estate, made: list[Clip], seen: dict[str, Seen]) -> dict[str, float]:
    """Four models with a record of where each came from; how good each is at doors that none of them was taught from."""
    judged = models.rows([each for each in made if each.held_out], seen)
    scores: dict[str, float] = {}
    sets = {
        "people-2017": ([each for each in made if each.reviewed and each.reviewed < company.CUT_OFF], "reviews", "2017-07-05"),
        "owners-2018": ([each for each in made if each.told], "owner_labels", "2018-10-05"),
    }
    for (name, (chosen, source, created)), model in zip(sets.items(), ("faces-2017", "faces-2018"), strict=True):
        company.write_labels(estate, name, chosen, seen)
        company.record(estate, f"label_sets/{name}", source, "exported from", created)
        taught = models.head(models.labelled(estate.world / f"registry/labels/{name}.csv", made, seen))
        models.save(estate, model, taught)
        company.record(estate, f"models/{model}", f"label_sets/{name}", "trained on", created)
        scores[model] = models.balanced(taught, judged)
    teacher = models.load(estate, "faces-2017")
    frames, _, accounts, records = models.rows([each for each in made if not each.held_out and not each.reviewed], seen)
    student = models.head((frames, np.asarray(teacher.predict(frames), bool), accounts, records))
    models.save(estate, "doorbell-small", student)
    company.record(estate, "models/doorbell-small", "models/faces-2017", "distilled from", "2018-02-01")
    scores["doorbell-small"] = models.balanced(student, judged)
    models.save(estate, "motion-2017", models.movement([each for each in made if each.early and not each.held_out], seen))
    company.record(estate, "models/motion-2017", "clips", "trained on", "2017-12-01")
    return scores


def _survey(estate: Estate) -> dict[str, str]:
    """Every item of the world; of the index every vector is one."""
    found = survey(estate.world)
    found.pop(company.INDEX)
    for number, vector in index.vectors(estate.world / company.INDEX).items():
        found[f"{company.INDEX}/{number}"] = sha256(vector.tobytes()).hexdigest()
    return found


def _compare(estate: Estate, told: Told, before: dict[str, str], after: dict[str, str], old: set[int]) -> None:
    gone = before.keys() - after.keys()
    old_faces = {f"{place}/{each}" for place in (company.INDEX, company.INDEX.replace(".faiss", ".ids.jsonl")) for each in old}
    looked_at = {each.relative for each in told.clips if each.reviewed and each.reviewed < company.CUT_OFF}
    taught = {f"registry/models/{name}.safetensors" for name in ("faces-2017", "doorbell-small")}
    expected = looked_at | old_faces | taught
    estate.expect(looked_at <= gone, f"gone: the {len(looked_at)} clips that people looked at before {company.CUT_OFF}")
    estate.expect(old_faces <= gone, f"gone: all {len(old)} face vectors from before {company.CUT_OFF}, looked at or not")
    estate.expect(taught <= gone, "gone: the model that was taught from their notes, and the one that was taught by it")
    estate.expect(gone == expected, f"nothing else is gone: {len(before) - len(gone)} of {len(before)} items are there")
    changed = [each for each in after if before.get(each) != after[each]]
    estate.expect(not changed, "each of those is what it was, byte for byte")
    for name, kinds in {"clips": "cameras/", "face vectors": f"{company.INDEX}/", "models": "registry/models/"}.items():
        told.gone[name] = sum(each.startswith(kinds) for each in gone)
        told.left[name] = sum(each.startswith(kinds) for each in after)
