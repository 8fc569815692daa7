"""An installation whose map names witnesses: orders wait for them, go on, and receipts say who looked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from expunge.adapters.log.witness import Witness
from expunge.cli.services.witness_server import WitnessServer
from expunge.core.log import trust
from tests.cli import world
from tests.cli.running import Ran, expunge
from tests.log_kit import running


class Company:
    def __init__(self, folder: Path, wait: str) -> None:
        self.folder = folder
        world.make(folder)
        assert expunge("init", cwd=folder).code == 0
        (folder / "policy.txt").write_text(expunge("log", "policy", cwd=folder).out)
        self.policy = trust.parse((folder / "policy.txt").read_bytes())
        self.witness = Witness(folder / "witness", "w.example/1", self.policy)
        with (folder / "expunge.yaml").open("a") as file:
            file.write(f"witnesses: {{policy: witnesses.txt, wait: {wait}}}\n")
        self.name("http://127.0.0.1:1/")

    def name(self, url: str) -> None:
        (self.folder / "witnesses.txt").write_text(f"witness w {self.witness.key} {url}\nquorum w\n")
        (self.folder / "policy.txt").write_text(expunge("log", "policy", cwd=self.folder).out)

    @contextmanager
    def witnessing(self) -> Iterator[None]:
        with running(WitnessServer(self.witness, "127.0.0.1", 0)) as url:
            self.name(url)
            yield

    def erase(self, person: str) -> str:
        order: str = expunge("order", "erase", person, "--yes", "--json", cwd=self.folder).json["order"]
        expunge("plan", order, cwd=self.folder)
        return order

    def run(self, *arguments: str) -> Ran:
        return expunge(*arguments, cwd=self.folder)


@pytest.fixture
def waiting(tmp_path: Path) -> Company:
    return Company(tmp_path, "12 hours")


def test_an_order_waits_for_the_quorum_and_goes_on_when_the_witness_is_back(waiting: Company) -> None:
    order = waiting.erase("profile:p-mia")
    stopped = waiting.run("apply", order, "--yes", "--out", "receipts")
    assert stopped.code == 1
    assert "witnesses have not cosigned yet" in stopped.err
    assert "the same command goes on" in stopped.err
    assert not (waiting.folder / "receipts").exists()
    with waiting.witnessing():
        assert waiting.run("apply", order, "--yes", "--out", "receipts").code == 0
        said = waiting.run("receipt", "verify", "receipts/1", "--trust", "policy.txt", "--log", "state/log")
        assert (said.code, "1 witness(es) cosigned that checkpoint: w.example/1 at 2" in said.out) == (0, True)
        audit = waiting.run("log", "verify", "--json").json
        assert ([each["witness"] for each in audit["cosigned"]], audit["size"]) == (["w.example/1"], 1)
        cosigned = waiting.run("log", "cosign", "--json").json
        assert (cosigned["size"], cosigned["declined"]) == (1, [])
    assert waiting.run("log", "cosign").code == 0, "what is published stays so while the witness is away"
    assert waiting.run("log", "verify").code == 0
    assert waiting.run("doctor", "--since", "receipts/1/receipt.tlog-proof").code == 0


def test_where_nothing_waits_the_receipt_says_that_no_witness_looked(tmp_path: Path) -> None:
    company = Company(tmp_path, "0 hours")
    order = company.erase("profile:p-mia")
    assert company.run("apply", order, "--yes", "--out", "receipts").code == 0
    said = company.run("receipt", "verify", "receipts/1")
    assert (said.code, "No witness cosigned that checkpoint" in said.out) == (0, True)
    strict = company.run("receipt", "verify", "receipts/1", "--trust", "policy.txt")
    assert (strict.code, "lacks the cosignatures" in strict.err) == (6, True)
    assert company.run("doctor", "--since", "receipts/1/receipt.tlog-proof").code == 0
    assert company.run("log", "verify").code == 6
    command = ("receipt", "verify", "receipts/1", "--trust", "policy.txt", "--log", "state/log")
    assert company.run(*command).code == 6
    with company.witnessing():
        assert company.run("log", "cosign").code == 0
    later = company.run(*command)
    assert (later.code, "1 entries, which w.example/1 cosigned, continues" in later.out) == (0, True), "a later head vouches for it as well"


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{policy: witnesses.txt, wait: 21 hours}", "witnesses.wait: '21 hours' is not understood"),
        ("{wait: 1 hours}", "policy"),
        ("{policy: witnesses.txt, quorum: w}", "quorum"),
    ],
)
def test_a_section_that_cannot_be_is_a_fault_of_the_map(waiting: Company, section: str, said: str) -> None:
    path = waiting.folder / "expunge.yaml"
    path.write_text(path.read_text().replace("{policy: witnesses.txt, wait: 12 hours}", section))
    ran = waiting.run("check")
    assert (ran.code, said in ran.out + ran.err) == (1, True)


@pytest.mark.parametrize("text", ["", "witness w x\nquorum w\n", "quorum w\n"])
def test_a_file_of_witnesses_that_cannot_be_read_is_said(waiting: Company, text: str) -> None:
    (waiting.folder / "witnesses.txt").write_text(text)
    ran = waiting.run("status")
    assert (ran.code, "witnesses.policy" in ran.err) == (1, True)
    (waiting.folder / "witnesses.txt").unlink()
    assert "witnesses.policy" in waiting.run("status").err


def test_a_change_of_witnesses_is_shown_and_moves_no_plan(waiting: Company) -> None:
    path = waiting.folder / "expunge.yaml"
    old = waiting.folder / "old.yaml"
    old.write_text(path.read_text().replace("witnesses: {policy: witnesses.txt, wait: 12 hours}\n", ""))
    ran = waiting.run("map", "diff", "old.yaml", "--json")
    assert [(each["section"], each["kind"]) for each in ran.json["changes"]] == [("witnesses", "added")]
