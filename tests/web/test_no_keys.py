"""Code that runs inside the web process looks for keys, writes the journal, and asks for senders whose token it was not shown: all refused.

It tells the test what it read, and what came of each act; the test judges. A needle that were handed to the process would be found in it.
The same acts outside the process, and those of the token's holder, are the controls.
"""

from __future__ import annotations

import json
import secrets
import socket
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from expunge.adapters.keeper.peers import ONLY_SERVES
from expunge.adapters.keys import key_files
from expunge.adapters.keys.local_keystore import open_keystore
from tests.adapters.keeper import memory
from tests.cli.running import expunge
from tests.moment import beside
from tests.vault.doorbells import ANNA, Doorbells, path_of, speech
from tests.web.acts import DONE, below
from tests.web.inside import TELLS_ALL, infested, listening, needs_landlock, outside
from tests.web.sending import Sending, keeping, said
from tests.web.serving import edges, issue, run_event, serving, table

READS_ALL = """
    out = socket.socket(socket.AF_UNIX)
    out.connect(TO)
    for part in readable("self"):
        out.sendall(part)
    for name in os.listdir("/proc/self/fd"):
        try:
            with open("/proc/self/fd/" + name, "rb") as file:
                if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    out.sendall(file.read())
        except OSError:
            try:
                # A closed process opens no file anew, and reads those that are open.
                if stat.S_ISREG(os.fstat(int(name)).st_mode):
                    out.sendall(os.pread(int(name), 2**26, 0))
            except OSError:
                pass
    out.close()
"""


def test_code_inside_the_web_process_finds_no_key_in_memory_or_open_files(home: Doorbells) -> None:
    """Nor the key of a recording that came in through it, or of one that is coming in."""
    token = issue(home.folder, "camera", "ingest")
    control, lying = secrets.token_bytes(32), secrets.token_bytes(32)
    with listening() as inside:
        (inside.folder / "planted").write_bytes(control)
        (inside.folder / "opened").write_bytes(lying)
        planted, opened = (str(inside.folder / each) for each in ("planted", "opened"))
        held_there = f"planted = [open({planted!r}, 'rb').read().hex()]", f"opened = open({opened!r}, 'rb')"
        inside.plant(READS_ALL, "\n".join(("import os, socket, stat", "from memory import readable", *held_there)))
        with infested(home.folder, token, inside) as served:
            taken, halfway = Sending(served, speech(0)).whole(), Sending(served, speech(1))
            assert (taken.status, halfway.part(0, 40_000).status) == (201, 202)
            told = inside.heard()
    assert control.hex().encode() in told, "the control: a key that lies in its memory is found"
    assert lying in told, "the control: so is one in an open file"
    keys = open_keystore(home.folder / "state" / "keys")
    held = [keys._root, keys.pseudonym_key(), keys.gate_key(), keys.index_key(), keys.vault_key()]
    for place in ("signer-1.key", "log-1.key"):
        wrapped = (home.folder / "state" / "keys" / place).read_bytes()
        key = key_files.unwrap(keys._root, place, wrapped)
        held += [key[:32], key[32:]] if len(key) > 32 else [key]
    with home.open() as installed:
        held.append(installed.vault.vaults.table().key(bytes.fromhex(taken.json["recording"])))
    # Why not by name: what is found would be shown.
    assert [number for number, key in enumerate(held) if any(needle in told for needle in memory.forms(key))] == []


@pytest.mark.parametrize("by_variable", [pytest.param(False, marks=pytest.mark.soak), True], ids=["in the map", "by a variable"])
def test_code_inside_the_web_process_finds_no_url_of_the_map(tmp_path: Path, database: str, by_variable: bool) -> None:
    """Neither a store's password nor where the state lies: the process never reads the map itself, and forgets its environment."""
    state_word, store_word, control = (secrets.token_hex(16) for _ in range(3))
    path = company_on_server(tmp_path, database)
    state_url, environ = f"{database}{'&' if '?' in database else '?'}passfile=/nowhere/{state_word}", {}
    store = f'{{kind: sqlite, url: "sqlite:///world/{store_word}.db"}}'
    if by_variable:
        environ = {"STATE_URL": state_url, "STORE_URL": f"postgresql://reader:{store_word}@127.0.0.1:1/app"}
        state_url, store = "${STATE_URL}", '{kind: postgres, url: "${STORE_URL}"}'
    text = path.read_text().replace(f'"{database}"', f'"{state_url}"')
    path.write_text(text.replace('{kind: sqlite, url: "sqlite:///world/app.db", busy_ms: 500}', store))
    assert store in path.read_text()
    issued = expunge("token", "issue", "airflow", "--scope", "lineage", "--json", cwd=tmp_path, env=environ)
    assert issued.code == 0, issued.err
    token = issued.json["text"]
    with listening() as inside:
        (inside.folder / "planted").write_text(control)
        planted = str(inside.folder / "planted")
        inside.plant(READS_ALL, f"import os, socket, stat\nfrom memory import readable\nplanted = open({planted!r}).read()")
        with serving(tmp_path, token, PYTHONPATH=beside(inside.folder), **environ) as served:
            assert served.get("healthz").status == 200
            assert served.post([run_event([], [table(tmp_path, "transcripts")])]).status == 200
            told = inside.heard()
    assert control.encode() in told, "the control: a word that lies in its memory is found"
    assert [name for name, word in (("state", state_word), ("store", store_word)) if word.encode() in told] == []


def facts(folder: Path, **more: Any) -> dict[str, Any]:
    """What planted code may know of an installation."""
    status = expunge("keeper", "status", "--json", cwd=folder)
    assert status.code == 0, status.err
    state = folder / "state"
    return {
        "state": str(state),
        "map": str(folder / "expunge.yaml"),
        "keeper": status.json["pid"],
        "files": [path for path in below(state) if not path.startswith("keeper/")],
        "tokens": {},
        **more,
    }


def not_done(told: dict[str, str]) -> dict[str, str]:
    return {act: came for act, came in told.items() if came != DONE}


@needs_landlock
def test_code_inside_the_web_process_is_refused_all_that_is_not_its_senders(home: Doorbells) -> None:
    """Of the keystore's own user: files are shut to the process, and the keeper that the server started lets that user serve alone."""
    folder = home.folder
    holder = issue(folder, "camera", "ingest")
    names = {"none": "", "nonsense": "x", "another scope": issue(folder, "airflow"), "another sender": issue(folder, "phone", "ingest")}
    names["a revoked one"] = issue(folder, "old", "ingest")
    assert expunge("token", "revoke", "old", cwd=folder).code == 0
    with listening() as inside, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        inside.plant(TELLS_ALL.format(said=str(inside.folder / "said")))
        with infested(folder, holder, inside) as served:
            theirs = Sending(served, b"wxyz", said(ANNA, "r-theirs"))
            assert theirs.part(0, 2).status == 202
            upload = sha256(f"{holder.split('_')[1]}\0{theirs.id}".encode()).hexdigest()
            known = facts(folder, tokens=names, upload=upload, recording=path_of(ANNA, "r-theirs"), port=elsewhere.getsockname()[1])
            told = json.loads(inside.heard(known))
            beside = expunge("token", "list", cwd=folder)
            assert beside.code == 0, beside.err
            # The holder goes on as if nothing had been.
            assert theirs.how_far().headers["Upload-Offset"] == "2"
            assert theirs.part(2, 4).status == 201
            order = expunge("order", "erase", f"profile:{ANNA}", "--yes", "--json", cwd=folder)
            assert order.code == 0, order.err
        allowed = expunge("token", "list", "--json", cwd=folder).json["tokens"]
        assert len(allowed) == 4
    refused_files(told["files"])
    refused_requests(told["keeper"])
    refused_senders(told["senders"])
    assert {source for source, _ in edges(folder) if source.startswith("s3:")} == {"s3://a/b"}, "of the lineage of a token that is good"
    assert {target for _, target in edges(folder)} & {"s3://a/none", "s3://a/a_revoked_one", "s3://a/another_sender"} == set()
    with home.open() as opened:
        assert opened.orders(), "commands beside the server go on"
    controls(folder, known | {"keeper": 0, "port": 0})


def refused_files(told: dict[str, str]) -> None:
    """All but what no file is opened for."""
    assert len([act for act in told if act.startswith("append")]) > 10
    assert len([act for act in told if act.startswith("read keys/")]) >= 5
    assert {act for act, came in told.items() if not came.startswith(("PermissionError", "OperationalError: unable to open"))} == set()


def refused_requests(told: dict[str, str]) -> None:
    assert told.pop("status") == DONE
    assert told.pop("stop") == "Misconfigured: end `expunge serve`"
    assert len(told) > 15
    assert set(told.values()) == {f"Misconfigured: {ONLY_SERVES}"}


def refused_senders(told: dict[str, str]) -> None:
    """Each act by the token with which it was tried."""
    assert {came for act, came in told.items() if act.endswith("with none")} == {"SenderRefused: MISSING"}
    assert {came for act, came in told.items() if act.endswith("with nonsense")} == {"SenderRefused: UNKNOWN"}
    assert {came for act, came in told.items() if act.endswith("with a revoked one")} == {"SenderRefused: REVOKED"}
    by_scope = {act.partition(" with ")[0]: came for act, came in told.items() if act.endswith("with another scope")}
    uploads = dict.fromkeys(("append", "finish", "drop", "begin"), "SenderRefused: NOT_FOR_THIS")
    assert by_scope == {"admit": DONE, "take": DONE, **uploads}, "the control: a token is good for its scope"
    by_sender = {act.partition(" with ")[0]: came.partition(":")[0] for act, came in told.items() if act.endswith("with another sender")}
    assert by_sender == {
        "admit": "SenderRefused",
        "take": "SenderRefused",
        "append": "SessionGone",
        "finish": "SessionGone",
        "drop": DONE,
        "begin": DONE,
    }, "uploads of the same id are the token's own: another one's is neither met nor dropped"


def controls(folder: Path, known: dict[str, Any]) -> None:
    """The same acts of the same user, outside: a keeper that the operator starts answers them, and files open."""
    with keeping(folder):
        asked = outside({**known, "stop": False}, "keeper")["keeper"]
    assert not [came for came in asked.values() if ONLY_SERVES in came]
    assert {asked[name] for name in ("lasting-key", "publics", "sign-checkpoint", "keyed-orders", "seal")} == {DONE}
    without = ["connect", "read the keeper's memory", "end the keeper", "rename"]
    assert not_done(outside({**known, "without": without}, "files")["files"]) == {}


@pytest.mark.soak
@needs_landlock
def test_on_a_server_the_journal_is_as_far_away(tmp_path: Path, database: str) -> None:
    """State on PostgreSQL: the web process knows the URL, by its map, and reaches no server."""
    path = company_on_server(tmp_path, database)
    token = issue(tmp_path)
    with listening() as inside, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        inside.plant(TELLS_ALL.format(said=str(inside.folder / "said")))
        with infested(tmp_path, token, inside):
            known = facts(
                tmp_path,
                tokens={"none": "", "mine": token},
                upload="ab" * 16,
                recording="x",
                port=elsewhere.getsockname()[1],
                database=database,
                map=str(path),
            )
            told = json.loads(inside.heard(known))
    assert "Permission denied" in told["files"].pop("write journal")
    assert {act for act, came in told["files"].items() if not came.startswith("PermissionError")} == set()
    refused_requests(told["keeper"])
    assert (told["senders"]["take with none"], told["senders"]["take with mine"]) == ("SenderRefused: MISSING", DONE)
    assert {target for _, target in edges(tmp_path)} == {"s3://a/mine"}
    without = ["connect", "read the keeper's memory", "end the keeper", "rename"]
    control = outside({**known, "without": without}, "files")["files"]
    assert not_done(control) == {}


def company_on_server(folder: Path, database: str) -> Path:
    from tests.cli.world import make

    path = make(folder)
    path.write_text(path.read_text().replace("state: state\n", f'state: "{database}"\nstate_folder: state\n'))
    assert expunge("init", cwd=folder).code == 0
    return path


@pytest.mark.soak
def test_commands_beside_a_server_open_the_keys_themselves(home: Doorbells) -> None:
    """The keeper that the server started lets nobody sign, which no command of its user needs."""
    folder = home.folder
    (folder / "a.flac").write_bytes(speech(2))
    with serving(folder, issue(folder)) as served:
        rights = expunge("keeper", "status", "--json", cwd=folder).json["rights"]
        assert [each["may"] for each in rights] == ["serve senders with tokens"]
        stopped = expunge("keeper", "stop", cwd=folder)
        assert (stopped.code, "ends with it" in stopped.err) == (1, True)
        assert issue(folder, "another", "ingest")
        ran = expunge("ingest", "a.flac", "--dataset", "doorbell", "--name", path_of(ANNA, "r-1"), cwd=folder)
        assert ran.code == 0, ran.err
        assert home.read(ANNA, "r-1") == speech(2)
        for command in (("doctor",), ("check",), ("lineage", "show"), ("vault", "status"), ("due",)):
            ran = expunge(*command, cwd=folder)
            assert not ran.err or "keeper" not in ran.err, (command, ran.err)
        assert served.get("healthz").status == 200
