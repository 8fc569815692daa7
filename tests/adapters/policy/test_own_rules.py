"""Rules and examples of a company's own: they add to what refuses, and a mistake is told with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.adapters.policy.cedar_policy import CedarPolicy
from expunge.adapters.policy.examples import own_examples, try_examples
from expunge.adapters.policy.policy_folder import PolicyFolder
from expunge.core.accounts.review_spec import ReviewSpec
from expunge.core.journal.policy_events import PolicySet
from expunge.core.journal.review_words import Room
from expunge.errors import Misconfigured
from tests.adapters.policy.sets import decides, question, shipped

NO_BEDROOM = """// Ours.
@id("no-bedroom")
@reason("This company never reviews a bedroom; ask the legal desk.")
forbid (principal, action, resource)
when { resource.room == "bedroom" };
"""


def test_a_rule_of_ones_own_refuses_what_the_shipped_rules_allow() -> None:
    answer = decides(NO_BEDROOM).decide(question(room=Room.BEDROOM))
    assert answer.rules == ("no-bedroom",)
    assert answer.reasons[0].text == "This company never reviews a bedroom; ask the legal desk."
    assert decides(NO_BEDROOM).decide(question()).allowed
    assert decides().decide(question(room=Room.BEDROOM)).allowed


MISTAKES = {
    "permit": ('@id("all") @reason("All.") permit (principal, action, resource);', "permits, and a rule of your own can only refuse"),
    "spelling": (NO_BEDROOM.replace("forbid", "forbit"), "cannot be read"),
    "brace": (NO_BEDROOM.replace("when {", "when ("), "cannot be read"),
    "cut off": (NO_BEDROOM[:-3], "cannot be read"),
    "unknown fact": (NO_BEDROOM.replace("resource.room", "resource.rooms"), "attribute `rooms` on entity type `Request` not found"),
    "wrong type": (NO_BEDROOM.replace('"bedroom" }', "7 }").replace("==", "<"), "unexpected type"),
    "unknown act": (NO_BEDROOM.replace("action,", 'action == Action::"look",'), 'unrecognized action `Action::"look"`'),
    "unguarded": (NO_BEDROOM.replace('resource.room == "bedroom"', "resource.child"), "optional attribute `child`"),
    "no name": (NO_BEDROOM.replace('@id("no-bedroom")\n', ""), "has no name"),
    "reserved name": (NO_BEDROOM.replace("no-bedroom", "rule-failed"), "has no name"),
    "no reason": (NO_BEDROOM.replace("@reason(", "@because("), "has no reason: 'no-bedroom'"),
    "taken name": (NO_BEDROOM.replace("no-bedroom", "live-view"), "the name 'live-view' is that of the rule at shipped/lease.cedar:"),
    "slot": (NO_BEDROOM.replace("principal,", "principal == ?principal,"), "has a slot"),
    "twice": (NO_BEDROOM.replace('@id("no-bedroom")', '@id("a-b") @id("c-d")'), "duplicate annotation"),
    "no rule": ("all of it is wrong", "cannot be read"),
}


@pytest.mark.parametrize("mistake", sorted(MISTAKES))
def test_a_mistake_is_told_with_file_and_line_and_nothing_is_granted(mistake: str) -> None:
    text, told = MISTAKES[mistake]
    # A sound rule before it: the line is that of the rule with the mistake.
    before = NO_BEDROOM.replace("no-bedroom", "no-indoor").replace('"bedroom" }', '"indoor" }')
    with pytest.raises(Misconfigured) as raised:
        CedarPolicy(shipped(before + text))
    line = before.count("\n") + 1 + text.startswith("//")
    assert f"own/ours.cedar:{line}: " in raised.value.message
    assert told in raised.value.message
    assert "nothing is granted" in raised.value.message
    assert raised.value.help


def test_every_mistake_of_a_set_is_told_at_once() -> None:
    with pytest.raises(Misconfigured) as raised:
        CedarPolicy(shipped("\n".join(text for text, _ in MISTAKES.values())))
    assert raised.value.message.count("own/ours.cedar:") >= len(MISTAKES) - 3


def test_quotes_and_comments_do_not_hide_where_a_rule_ends() -> None:
    odd = NO_BEDROOM.replace("ask the legal desk.", 'say \\"no; really\\" // not a comment; at all.') + "// the end; of it\n"
    answer = decides(odd).decide(question(room=Room.BEDROOM))
    assert answer.reasons[0].text.endswith('say "no; really" // not a comment; at all.')


def test_a_set_without_the_rules_of_the_package_grants_nothing() -> None:
    schema = {"shipped/desk.cedarschema": shipped().files["shipped/desk.cedarschema"]}
    for files in ({}, schema, {**schema, "shipped/desk.cedarschema": "entity Person {"}):
        with pytest.raises(Misconfigured):
            CedarPolicy(PolicySet(files, shipped().limits))


def test_a_folder_is_read_with_its_examples(tmp_path: Path) -> None:
    (tmp_path / "ours.cedar").write_text(NO_BEDROOM)
    (tmp_path / "notes.txt").write_text("not a rule")
    (tmp_path / "ours.examples.yaml").write_text(
        "- {case: a bedroom, act: view, with: {room: bedroom}, refused: [no-bedroom]}\n"
        "- {case: a hall, act: view, with: {room: indoor}, refused: [no-bedroom]}\n"
    )
    current = PolicyFolder(ReviewSpec(policies=str(tmp_path))).current()
    assert current.files["own/ours.cedar"] == NO_BEDROOM
    assert current.digest != shipped().digest
    (fault,) = try_examples(current, own_examples(str(tmp_path)))
    assert str(fault) == (
        "own/ours.examples.yaml:2: a hall: expected refused by no-bedroom, and the answer is allowed by another-person-approved"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("case: x", "own/a.examples.yaml:1: examples are a list"),
        ("- {case: x, act: view}", "own/a.examples.yaml:1: the example that begins here"),
        ("\n- {case: x, act: stare, refused: []}", "own/a.examples.yaml:2: the example that begins here"),
        ("- {case: x, act: view, with: {rom: bedroom}, refused: []}", "a question has no fact 'rom'"),
        ("- {case: x, act: view, with: {room: attic}, refused: []}", "stored value does not fit ViewQuestion"),
        ("- {case: x, act: view, map: {hours: 1}, refused: []}", "'hours' is no number of the map"),
        ("- {case: x, act: view, refused: [], colour: red}", "'colour' does not belong here"),
        ("- [", "not YAML"),
        ("- !!python/object:os.system {}", "not YAML"),
    ],
)
def test_an_example_that_cannot_be_read_is_told_with_its_line(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a.examples.yaml").write_text(text)
    with pytest.raises(Misconfigured) as raised:
        own_examples(str(tmp_path))
    assert told in raised.value.message


def test_a_folder_or_a_file_that_cannot_be_read_grants_nothing(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        PolicyFolder(ReviewSpec(policies=str(tmp_path / "away"))).current()
    (tmp_path / "latin.cedar").write_bytes(b"// \xff")
    with pytest.raises(Misconfigured, match=r"latin\.cedar cannot be read"):
        PolicyFolder(ReviewSpec(policies=str(tmp_path))).current()
    (tmp_path / "größe.cedar").write_text("")
    with pytest.raises(Misconfigured, match="other characters"):
        PolicyFolder(ReviewSpec(policies=str(tmp_path))).current()
    (tmp_path / "größe.cedar").unlink()
    (tmp_path / "latin.cedar").write_bytes(b"//" + b" " * (1 << 20))
    with pytest.raises(Misconfigured, match="larger than 1 MiB"):
        PolicyFolder(ReviewSpec(policies=str(tmp_path))).current()


def test_an_earlier_set_decides_with_the_facts_that_its_schema_knew() -> None:
    """A set of last year asks for fewer facts: those that were added since do not make it unreadable."""
    files = dict(shipped().files)
    lines = files["shipped/desk.cedarschema"].splitlines(keepends=True)
    files["shipped/desk.cedarschema"] = "".join(line for line in lines if "emergencyOverdue" not in line and "dailySeconds" not in line)
    for file in ("shipped/lease.cedar", "shipped/people.cedar"):
        rules = files[file].split("@id(")
        files[file] = "@id(".join(rule for rule in rules if "emergencyOverdue" not in rule and "dailySeconds" not in rule)
    assert CedarPolicy(PolicySet(files, shipped().limits)).decide(question()).allowed
