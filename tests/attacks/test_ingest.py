"""Ways past the gate: a person who may not be used is spelt so that the gate and the application understand two different people."""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import MutableMapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from wsgiref.util import setup_testing_defaults

import pyarrow as pa
import pytest

from expunge.cli.gate.gate_filter import through
from expunge.errors import UsageError
from expunge.gate import GateReason, Subject
from expunge.gate.training import iterable, map_style
from expunge.gate.web import AsgiGate, Ingest, Whose, WsgiGate
from tests.engine.household import ANNA, build
from tests.gate.torch_stand_in import torch
from tests.gate.world import AGREED, GONE, contents, gate, publish

__all__ = ["torch"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return publish(tmp_path / "snapshot")


def asgi(path: Path, headers: list[tuple[bytes, bytes]], method: str = "POST") -> tuple[int, bool]:
    """Status, and whether the application saw the request."""
    seen: list[bool] = []
    sent: list[MutableMapping[str, Any]] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        seen.append(True)
        await send({"type": "http.response.start", "status": 204, "headers": []})

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"RIFF"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    ingest = Ingest(gate(path), Whose("profile", header="x-profile"), "answer")
    asyncio.run(AsgiGate(application, ingest)({"type": "http", "method": method, "path": "/", "headers": headers}, receive, send))
    return sent[0]["status"], bool(seen)


def test_of_two_headers_the_application_cannot_take_the_one_that_nobody_asked_about(path: Path) -> None:
    both = [(b"x-profile", GONE.encode()), (b"x-profile", AGREED.encode())]
    assert asgi(path, both) == (400, False)
    assert asgi(path, both[::-1]) == (400, False)
    assert asgi(path, both[1:]) == (204, True)


def test_a_method_in_small_letters_brings_data_as_well(path: Path) -> None:
    # Django and others read a method in capitals, however it came.
    assert asgi(path, [(b"x-profile", GONE.encode())], "post") == (403, False)
    environ: dict[str, Any] = {"REQUEST_METHOD": "put", "HTTP_X_PROFILE": GONE}
    setup_testing_defaults(environ)
    said: list[str] = []
    ingest = Ingest(gate(path), Whose("profile", header="x-profile"), "answer")
    WsgiGate(lambda _environ, _start: [b"taken in"], ingest)(environ, lambda status, _headers: said.append(status))
    assert said == ["403 Forbidden"]


def filtered(path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes) -> bytes:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
    through(gate(path), "user", "profile", "answer", form="jsonl", recorded=None, manifest=None)
    return out.getvalue()


def test_a_line_that_names_two_people_under_one_name_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Whoever reads the line that comes out may take the first of the two, or both.
    twice = f'{{"user": "{GONE}", "text": "hello", "user": "{AGREED}"}}\n'.encode()
    with pytest.raises(UsageError, match="line 1"):
        filtered(path, monkeypatch, twice)
    once = f'{{"user": "{AGREED}", "text": {{"user": "x"}}}}\n'.encode()
    assert filtered(path, monkeypatch, once) == once


def test_a_row_whose_identifier_is_empty_is_nobodys(path: Path) -> None:
    asked = gate(path)
    table = asked.allowed(pa.table({"user": [AGREED, "", None]}), "user", "profile", "answer")
    assert table.rows["user"].to_pylist() == [AGREED]
    assert table.tally.refused == {GateReason.NO_SUBJECT: 2}
    rows = asked.allowed([{"user": ""}, {"user": AGREED}], "user", "profile", "answer")
    assert [each["user"] for each in rows.rows] == [AGREED]
    assert asked.may_use("profile:", "answer").reason is GateReason.NO_SUBJECT
    assert [each.reason for each in asked.may_use_each(["profile:"], "answer")] == [GateReason.NO_SUBJECT]


@pytest.mark.parametrize("name", [GONE.encode(), 17.0, True, [GONE]])
def test_training_takes_no_sample_whose_person_it_would_have_to_guess(path: Path, torch: ModuleType, name: object) -> None:
    assert torch
    with pytest.raises(UsageError, match="text or a whole number"):
        list(iterable(["a sample"], lambda _: name, "profile", "answer", gate(path)))  # type: ignore[arg-type, return-value]


def test_training_does_not_ask_about_the_spelling_of_bytes(path: Path, torch: ModuleType) -> None:
    assert torch
    data = map_style(["a sample"], [AGREED.encode()], "profile", "answer", gate(path))  # type: ignore[list-item]
    publish(path, contents([AGREED]))
    with pytest.raises(UsageError, match="text or a whole number"):
        data[0]


def test_a_kind_that_the_map_does_not_know_names_nobody_who_may_be_used(path: Path) -> None:
    policy = replace(contents().policy, kinds=frozenset({"account", "profile"}))
    publish(path, replace(contents(), policy=policy))
    asked = gate(path)
    assert asked.may_use(f"profile:{AGREED}", "answer")
    for kind in ("profil", "Profile", "profile ", "device"):
        assert asked.may_use(Subject(kind, GONE), "answer").reason is GateReason.UNKNOWN_KIND
        table = asked.allowed(pa.table({"user": [GONE, AGREED]}), "user", kind, "answer")
        assert (len(table.rows), table.tally.refused) == (0, {GateReason.UNKNOWN_KIND: 2})
        assert list(asked.allowed([GONE], None, kind, "answer").rows) == []


def test_a_misspelt_kind_lets_nobody_past_who_was_erased(tmp_path: Path) -> None:
    home = build(tmp_path / "home")
    assert home.erase(ANNA).state.value == "fulfilled"
    with home.open() as opened:
        asked = opened.gate()
        assert asked.may_use(Subject("profile", ANNA), "train").reason is GateReason.SUPPRESSED
        assert asked.may_use(Subject("profiles", ANNA), "train").reason is GateReason.UNKNOWN_KIND
        assert asked.may_use(Subject("email", "acc-north-51XK@example.org"), "train").reason is GateReason.UNKNOWN_KIND
        assert asked.may_use(Subject("account.email", "acc-south-82LM@example.org"), "train")


@pytest.mark.parametrize("dtype", ["string", "Int64", "object"])
def test_what_pandas_calls_not_available_is_nobody_and_stops_nothing(path: Path, dtype: str) -> None:
    import pandas as pd

    values = [pd.NA, 7, pd.NA] if dtype == "Int64" else [pd.NA, AGREED, pd.NA]
    passed = gate(path).allowed(pd.DataFrame({"who": pd.array(values, dtype=dtype)}), "who", "profile", "answer")
    assert len(passed.rows) == 1
    assert passed.tally.refused == {GateReason.NO_SUBJECT: 2}
    rows = gate(path).allowed([{"who": value} for value in values], "who", "profile", "answer")
    assert [row["who"] for row in rows.rows] == [values[1]]
