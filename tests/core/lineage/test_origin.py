"""Which models are dark, and what went into what."""

from __future__ import annotations

from datetime import UTC, datetime

from expunge.core.lineage.model_origin import ModelOrigin, descendants, lit

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def model(name, version=1, *sources, manifest="", weights=""):
    return ModelOrigin(name, version, weights or f"w-{name}-{version}", NOON, manifest=manifest, sources=sources)


def dark(*models):
    return {each.place for each in lit(models) if each.dark}


def test_a_model_is_known_by_its_manifest_or_by_that_of_everything_it_was_made_from():
    teacher = model("teacher", manifest="ab" * 32)
    assert dark(teacher, model("student", 1, "teacher/1"), model("onnx", 1, "student/1")) == set()
    assert dark(teacher, model("mixed", 1, "teacher/1", "stranger/1"), model("stranger")) == {"mixed/1", "stranger/1"}
    assert dark(teacher, model("student", 1, "teacher/2")) == {"student/1"}


def test_models_that_name_each_other_light_nobody():
    assert dark(model("a", 1, "b/1"), model("b", 1, "a/1")) == {"a/1", "b/1"}
    assert dark(model("a", 1, "a/1")) == {"a/1"}


def test_one_dark_model_darkens_a_name_that_several_workspaces_have():
    twins = [model("teacher", manifest="ab" * 32), model("teacher")]
    assert dark(*twins, model("student", 1, "teacher/1")) == {"teacher/1", "student/1"}


def test_descendants_are_found_through_copies():
    everything = [
        model("teacher", weights="w"),
        model("promoted", weights="w"),
        model("student", 1, "promoted/1"),
        model("onnx", 1, "student/1"),
        model("other"),
    ]
    assert descendants(everything, ["teacher/1"]) == {"promoted/1", "student/1", "onnx/1"}
    assert descendants(everything, ["onnx/1"]) == frozenset()
