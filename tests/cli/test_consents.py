"""Consent and guardians from the command line: as easy to take back as to give, and no command says more than it should."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from tests.adapters.sinks import mail_sink
from tests.cli import world
from tests.cli.running import Ran, expunge

MORE = """\
purposes:
  keeping: {description: keep the account, needs: contract, use: collection, datasets: [accounts, profiles]}
  training: {description: learn, needs: consent, use: training, datasets: [recordings], text: training}
  review: {description: listen, needs: consent, use: human review, datasets: [recordings], text: review}
texts:
  training: [{version: 1, file: consent/training.md}]
  review: [{version: 1, file: consent/review.md}]
guardians: {profile: 13 years}
"""
GIVE = ("--surface", "app 4.2, voice settings", "--act", "pressed")


ASK = ("consent", "ask", "profile:p-mia", "--guardian", "account:a-one", "--purpose", "training")


@pytest.fixture
def company(tmp_path: Path) -> Path:
    return made(tmp_path)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For commands that are refused."""
    return made(tmp_path_factory.mktemp("company"))


def made(folder: Path) -> Path:
    world.make(folder, MORE)
    (folder / "consent").mkdir()
    for name in ("training", "review"):
        (folder / "consent" / f"{name}.md").write_text(f"May we use it for {name}?\n")
    assert expunge("init", cwd=folder).code == 0
    return folder


def run(company: Path, *arguments: str | Path, code: int = 0, **env: str) -> Ran:
    ran = expunge(*arguments, cwd=company, env=env)
    assert ran.code == code, ran.err + ran.out
    return ran


def holds(company: Path, name: str = "profile:p-mia") -> dict[str, str]:
    return {each["purpose"]: each["why"] for each in run(company, "consent", "show", name, "--json").json["purposes"]}


def test_a_consent_is_given_shown_and_taken_back(company: Path) -> None:
    shown = sha256((company / "consent" / "training.md").read_bytes()).hexdigest()
    given = run(company, "consent", "give", "profile:p-mia", "--purpose", "training", *GIVE, "--shown", shown, "--receipt", company / "r")
    assert re.fullmatch(r"cns-[0-9a-f]{16}\n", given.out)
    statement = json.loads((company / "r" / "consent-receipt.dsse.json").read_bytes())
    assert statement["payloadType"] == "application/vnd.in-toto+json"
    assert "p-mia" in (company / "r" / "opening.json").read_text()
    again = run(company, "consent", "receipt", given.out.strip())
    assert again.out.strip() == (company / "r" / "consent-receipt.dsse.json").read_text()
    assert "no consent of that id" in run(company, "consent", "receipt", "cns-0000000000000000", code=2).err
    (company / "trust.txt").write_text(run(company, "log", "policy").out)
    facts = run(company, "consent", "verify", company / "r", "--trust", "trust.txt", "--shown", "consent/training.md", "--json").json
    assert (facts["purpose"], facts["sha256"], facts["by"], facts["opened"]) == ("training", shown, "person", True)
    assert "act: pressed" in run(company, "consent", "verify", company / "r", "--trust", "trust.txt").out
    assert (
        "not the text"
        in run(company, "consent", "verify", company / "r", "--trust", "trust.txt", "--shown", "consent/review.md", code=6).err
    )
    (company / "r" / "consent-receipt.dsse.json").write_bytes(json.dumps(statement).encode())
    assert "canonical" in run(company, "consent", "verify", company / "r", "--trust", "trust.txt", code=6).err
    assert holds(company) == {"keeping": "it does not need consent", "training": "agreed", "review": "nobody has agreed"}
    table = run(company, "consent", "show", "profile:p-mia").out
    assert "training" in table
    assert "agreed" in table
    back = run(company, "consent", "withdraw", "profile:p-mia", "--purpose", "training")
    assert back.out.startswith("ord-"), "an order erases what nothing else needs"
    assert "recordings, transcripts" in back.err
    assert holds(company)["training"] == "withdrawn"
    history = run(company, "consent", "history", "profile:p-mia").out.splitlines()
    assert [line.split()[3] for line in history] == ["ConsentGiven", "ConsentWithdrawn"]
    assert run(company, "consent", "history", "profile:p-ada").out == "nobody has said anything\n"


@pytest.mark.duty("DSG-11")
def test_to_take_it_back_needs_less_than_to_give_it(company: Path) -> None:
    run(company, "consent", "give", "profile:p-mia", "--purpose", "training", code=2)
    run(company, "consent", "give", "profile:p-mia", "--purpose", "training", *GIVE)
    run(company, "consent", "withdraw", "profile:p-mia", "--purpose", "training")


@pytest.mark.duty("RNG-12", "FAIL-09")
@pytest.mark.parametrize("act", ["terms", "hover", "close", "continue", "pre-ticked"])
def test_what_is_no_consent_is_refused_with_its_reason(untouched: Path, act: str) -> None:
    refused = run(untouched, "consent", "give", "profile:p-mia", "--purpose", "training", "--surface", "app 4.2", "--act", act, code=2)
    assert f"'{act}' is no consent" in refused.err
    assert "help:" in refused.err


def test_texts_are_listed_and_one_that_was_altered_fails_the_command(company: Path) -> None:
    run(company, "consent", "give", "profile:p-mia", "--purpose", "training", *GIVE)
    before = (company / "consent" / "training.md").read_bytes()
    assert "training 1: as it was shown" in run(company, "consent", "texts").out
    assert run(company, "check", "--json").json["sound"]
    (company / "consent" / "training.md").write_text("something else")
    (company / "consent" / "review.md").unlink()
    found = [each for each in run(company, "check", "--json", code=1).json["findings"] if each["kind"] != "note"]
    assert [(each["store"], each["what"].partition(" of the text ")[2]) for each in found] == [
        ("texts", "training was altered after people had agreed to it"),
        ("texts", "review cannot be read: nobody can agree to it"),
    ]
    assert "training 1: altered after people agreed to it" in run(company, "consent", "texts", code=1).out
    assert run(company, "consent", "texts", "--json", code=1).json["texts"][0]["state"] == "altered after people agreed to it"
    assert run(company, "consent", "text", "training").out.encode() == before
    assert run(company, "consent", "text", "training", "--json").json["body"].encode() == before
    assert "no version '7'" in run(company, "consent", "text", "training", "--version", "7", code=2).err
    assert "was altered after people had agreed" in run(company, "consent", "give", "p-ada", "--purpose", "training", *GIVE, code=1).err


def test_guardians_are_proven_listed_in_dispute_and_ended(company: Path) -> None:
    proof = run(
        company,
        "guardian",
        "prove",
        "profile:p-mia",
        "account:a-one",
        "--method",
        "birth certificate",
        "--by",
        "priya",
        EXPUNGE_BORN="2020-06-15",
    ).out.strip()
    assert re.fullmatch(r"grd-[0-9a-f]{16}", proof)
    assert "a guardian decides" in run(company, "consent", "give", "profile:p-mia", "--purpose", "training", *GIVE, code=2).err
    run(company, "consent", "give", "profile:p-mia", "--purpose", "training", *GIVE, "--guardian", proof)
    order = run(company, "order", "erase", "profile:p-mia", "--guardian", proof, "--yes").out.strip()
    run(company, "guardian", "freeze", "profile:p-mia", "--by", "priya", "--reason", "two court papers")
    listed = run(company, "guardian", "list", "profile:p-mia").out
    assert f"{proof}  in force" in listed
    assert "two court papers (priya)" in listed
    assert run(company, "guardian", "list", "profile:p-mia", "--json").json["dispute"]["by"] == "priya"
    assert "in dispute" in run(company, "order", "erase", "profile:p-mia", "--yes", "--again", code=5).err
    assert "in dispute" in run(company, "export", "profile:p-mia", "--out", company / "x.zip", code=5).err
    run(company, "guardian", "release", "profile:p-mia", "--by", "priya", "--reason", "settled")
    ended = run(company, "guardian", "end", proof, "--why", "custody", "--by", "priya").out
    assert f"{order} was stopped before anything was erased" in ended
    assert "cancelled" in run(company, "status", order).out
    assert "ended: custody changed" in run(company, "guardian", "list", "profile:p-mia").out
    assert run(company, "guardian", "list", "profile:p-ada").out == "nobody decides for this person but themself\n"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("guardian", "prove", "profile:p-mia", "account:a-one", "--method", "m", "--by", "b", "--born", "15.6.2020"), "not a date"),
        (("guardian", "end", "grd-1", "--why", "tired", "--by", "b"), "no reason by which authority ends"),
        (("guardian", "end", "grd-1", "--why", "custody", "--by", "b"), "no authority of that proof"),
        (("guardian", "release", "profile:p-mia", "--by", "b", "--reason", "r"), "is not frozen"),
        (("consent", "withdraw", "profile:p-mia", "--purpose", "keeping"), "no purpose that rests on consent"),
        (("consent", "answer", "ask-1", "--token", "t"), "nobody was asked"),
        ((*ASK, "--born", "2020-01-01"), "no way of asking"),
        ((*ASK, "--born", "2020-01-01", "--method", "signed form"), "has to be written somewhere"),
        (("consent", "merge", "profile:p-mia", "profile:p-mia", "--by", "b", "--reason", "r"), "one person already"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_with_what_to_do(untouched: Path, arguments: tuple[str, ...], what: str) -> None:
    ran = run(untouched, *arguments, code=2)
    assert what in ran.err
    assert "help:" in ran.err
    assert run(untouched, *arguments, "--json", code=2).json["schema"] == "expunge.error/1"


def test_a_parent_is_asked_by_mail_and_answers_twice(company: Path) -> None:
    with mail_sink() as sink:
        map_file = company / "expunge.yaml"
        answer = "answer: 'https://owl.example/{request}/{token}', revoke: the app, delay: 0 minutes"
        asking = f'asking: {{mail: "${{SMTP}}", sender: consent@owl.example, {answer}}}\n'
        map_file.write_text(map_file.read_text() + asking)
        env = {"SMTP": f"smtp://127.0.0.1:{sink.port}", "EXPUNGE_CONTACT": "ruth@example.org", "EXPUNGE_BORN": "2020-06-15"}
        request = run(company, *ASK, **env).out.strip()
        assert request in run(company, "consent", "asked", **env).out

        def token() -> str:
            found = re.search(rf"https://owl\.example/{request}/(\S+)", sink.last())
            assert found
            return found[1]

        assert "second message" in run(company, "consent", "answer", request, "--token", token(), code=1, **env).out
        assert run(company, "consent", "sweep", "--json", **env).json["sent"] == 1
        done = run(company, "consent", "answer", request, "--token", token(), "--json", **env).json
        assert done["consent"].startswith("cns-")
        assert run(company, "consent", "asked", **env).out == "nobody is being asked\n"
        sink.port = 1
        env["SMTP"] = "smtp://127.0.0.1:1"
        run(company, "consent", "ask", "profile:p-tom", "--guardian", "account:a-one", "--purpose", "training", code=1, **env)
        assert run(company, "consent", "sweep", "--json", code=1, **env).json["unsent"] == 1


def test_a_form_is_written_signed_and_checked(company: Path) -> None:
    form, scan = company / "form.html", company / "scan.pdf"
    ask = (*ASK, "--born", "2020-06-15")
    request = run(company, *ask, "--method", "signed form", "--out", form).out.strip()
    assert "exists already" in run(company, *ask, "--method", "signed form", "--out", form, code=2).err
    number = re.search(r"<code>(.+)</code>", form.read_text())
    assert number
    scan.write_bytes(b"%PDF-1.7 signed")
    answered = run(company, "consent", "answer", request, "--token", number[1], "--document", scan, "--staff", "priya")
    assert answered.out.startswith("cns-")
    run(company, "consent", "evidence", request, "--out", "kept.pdf")
    assert (company / "kept.pdf").read_bytes() == scan.read_bytes()
    assert "exists already" in run(company, "consent", "evidence", request, "--out", "kept.pdf", code=2).err
    assert "no evidence" in run(company, "consent", "evidence", "ask-0000000000000000", "--out", "other", code=2).err
    assert holds(company)["training"] == "agreed"
    run(company, "consent", "merge", "profile:p-tom", "profile:p-mia", "--by", "priya", "--reason", "one child")
    assert holds(company, "profile:p-tom")["training"] == "agreed"
    run(company, "consent", "split", "profile:p-mia", "profile:p-tom", "--by", "priya", "--reason", "two children")
    assert holds(company, "profile:p-tom")["training"] == "nobody has agreed"
