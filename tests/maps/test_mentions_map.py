"""What a map says of identifiers in several places: columns of other people's rows, several columns, another name on each side."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.core.datamap.datamap import ByField, Through
from expunge.core.datamap.mentions import MentionAct, MentionRule
from expunge.maps import examine
from expunge.stores import Kinds

MAP = """\
version: 1
identities:
  customer: {dataset: customers, key: id}
stores:
  media: {kind: files, url: ./media}
  app: {kind: sqlite, url: sqlite:///app.db}
retention:
  life: {period: 90 days, from: closed_at, purpose: keep the account, need: contract}
datasets:
  customers: {store: app, table: customers, subject: {customer: id}, retention: life}
  payments: {store: app, table: payments, subject: {customer: [payer, payee]}, retention: life}
  notes: {store: app, table: notes, subject: {customer: author}, retention: life}
  drawings: {store: app, table: drawings, subject: {through: notes, via: {note_id: id}}, retention: life}
  tickets: {store: app, table: tickets, subject: {customer: customer}, retention: life, mentions: MENTIONS}
"""


def test_rules_columns_and_names_are_read(tmp_path: Path) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(
        MAP.replace("MENTIONS", "{referred_by: null, opened_by: ~, assignee: {replace: u_deleted}, seller: {replace: 0}, said: keep}")
    )
    reading = examine(path, {}, kinds=Kinds())
    assert reading.faults == ()
    assert reading.map is not None
    assert reading.map.datasets["tickets"].mentions == {
        "referred_by": MentionRule(MentionAct.NULL),
        "opened_by": MentionRule(MentionAct.NULL),
        "assignee": MentionRule(MentionAct.REPLACE, "u_deleted"),
        "seller": MentionRule(MentionAct.REPLACE, "0"),
        "said": MentionRule(MentionAct.KEEP),
    }
    payments = reading.map.datasets["payments"]
    assert payments.subject == ByField({"customer": "payer"}, {"customer": ("payee",)})
    assert payments.subject_fields == ("payer", "payee")
    assert reading.map.datasets["drawings"].subject == Through("notes", "note_id", "id")
    assert reading.map.datasets["notes"].follow == ("id",)


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("{assignee: nobody}", "none of null"),
        ("{assignee: [keep]}", "none of null"),
        ("{assignee: {replace: u_deleted, by: 7}}", "none of null"),
        ("{customer: null}", "the person's own rows are found by it"),
        ("{assignee: null}, on_erase: {keep: tax law}", "only a dataset whose rows an erasure deletes"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_a_fault_on_its_line(tmp_path: Path, rules: str, why: str) -> None:
    path = tmp_path / "expunge.yaml"
    path.write_text(MAP.replace("MENTIONS", rules))
    faults = examine(path, {}, kinds=Kinds()).faults
    assert {fault.rule for fault in faults} == {"bad-mention"}
    assert all(why in fault.what and fault.line == 14 for fault in faults)


def test_a_store_that_cannot_compare_columns_takes_no_rule(tmp_path: Path) -> None:
    path = tmp_path / "expunge.yaml"
    files = 'tickets: {store: media, path: "t/{customer}.json", subject: {customer: customer}, retention: life, mentions: {said: keep}}\n'
    path.write_text(MAP.partition("  tickets:")[0] + "  " + files)
    (fault,) = examine(path, {}, kinds=Kinds()).faults
    assert (fault.rule, fault.line) == ("bad-mention", 14)
