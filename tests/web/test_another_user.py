"""A keeper under one user, the server under another: it serves, and code inside it reaches no file and no key of the keeper's user."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from expunge.bootstrap import keeping
from expunge.bootstrap.open_state import read_installed
from expunge.bootstrap.serving import keeper_process
from expunge.bootstrap.serving.kept_senders import KeptSenders
from expunge.bootstrap.serving.served_map import read_served
from expunge.bootstrap.serving.server_door import Sent, ServerDoor
from expunge.bootstrap.vault.kept_installation import KeptInstallation
from expunge.testing.forked import alongside
from expunge.web.api import make_api
from expunge.web.metrics import Metrics
from expunge.web.readiness import Readiness
from expunge.web.serving.server import Handler, HttpServer
from tests.cli.running import expunge
from tests.vault.doorbells import ANNA, build, path_of
from tests.vault.kept_home import become
from tests.web import acts
from tests.web.inside import listening
from tests.web.sending import Sending, said
from tests.web.serving import Served, issue, run_event, table

OWNER, SERVER = 4242, 4243


@contextlib.contextmanager
def begun(act: Callable[[Callable[[], object]], object]) -> Iterator[int]:
    """Run ``act`` in a process of its own; the block begins when it calls what it is given."""
    reading, writing = os.pipe()
    with alongside(lambda: act(lambda: os.write(writing, b"."))) as child:
        os.close(writing)
        try:
            assert os.read(reading, 1) == b".", "it died on the way"
            yield child.pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
            child.wait()
            os.close(reading)


def warm_up(map_file: Path) -> None:
    """Have everything imported that requests need: the other user may not read the folder in which the interpreter lies."""
    door = ServerDoor.of(read_installed(map_file))
    assert door.name(Sent("doorbell", "", {"profile_id": ANNA, "recording_id": "r"}, ()))
    handler = Handler(make_api(door, Readiness({}), Metrics()), secure=False)
    for method, path in (("GET", "/healthz"), ("POST", "/api/v1/lineage"), ("PUT", "/api/v1/recordings/0123456789abcdef"), ("GET", "/no")):
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "SERVER_NAME": "x", "SERVER_PORT": "1", "wsgi.input": io.BytesIO()}
        environ |= {"HTTP_AUTHORIZATION": "Bearer x", "wsgi.url_scheme": "http", "wsgi.errors": sys.stderr, "CONTENT_LENGTH": "0"}
        list(handler(environ, lambda *_: None))
    acts.on_senders({"state": str(map_file.parent / "state"), "tokens": {}})
    acts.on_keeper({"state": str(map_file.parent / "state"), "stop": False})


@pytest.mark.root
def test_a_server_under_a_user_of_its_own_serves_and_reaches_nothing_else(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can become two users")
    home = build(tmp_path / "home")
    folder, map_file = home.folder, home.folder / "expunge.yaml"
    holder, lineage, phone = issue(folder, "camera", "ingest"), issue(folder), issue(folder, "phone", "ingest")
    with home.open() as opened:
        opened.vault.vaults.table()
    for each in (folder, tmp_path, *tmp_path.parents[:2]):
        each.chmod(each.stat().st_mode | 0o055)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, OWNER, OWNER)
    map_file.chmod(0o644)
    (folder / "state").chmod(0o711)
    place = keeping.place_of(map_file)

    def keep(ready: Callable[[], object]) -> None:
        become(OWNER)
        admitted = keeper_process.serving(keeper_process.admitted([], []), [str(SERVER)], [], own_alone=False)
        doors = KeptInstallation(map_file, None)
        keeper_process.keep(place, None, admitted, ready, doors, KeptSenders(map_file, doors))

    with listening() as inside, socket.create_server(("127.0.0.1", 0)) as elsewhere:
        sock = socket.create_server(("127.0.0.1", 0), backlog=64)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/"

        (inside.folder / "said").touch()
        paper = os.open(inside.folder / "said", os.O_RDONLY)

        def look() -> None:
            acts.wait_for(str(inside.folder / "go"))
            # Why held open since before: a closed worker opens no file of the test.
            acts.tell(inside.to, acts.everything(json.loads(os.pread(paper, 2**20, 0))))

        def serve(ready: Callable[[], object]) -> None:
            warnings.simplefilter("ignore")
            warm_up(map_file)
            become(SERVER)
            acts.plant(look)
            server = HttpServer(map_file, read_served(map_file), sock, lambda: ready() and None, print, ())
            for each in ("user", "group"):
                # What gunicorn took from this process before it became another user's.
                server.cfg.set(each, SERVER)
            server.run()

        with begun(keep) as keeper, begun(serve):
            sock.close()
            served = Served(folder, None, url, holder)  # type: ignore[arg-type]
            assert served.get("healthz").json == {"status": "ok"}
            taken = served.post(run_event([table(folder, "a")], [table(folder, "b")]), token=lineage)
            assert (taken.status, taken.json["new"]) == (200, 1)
            theirs = Sending(served, b"wxyz", said(ANNA, "r-theirs"))
            assert theirs.part(0, 2).status == 202
            known = {
                "state": str(folder / "state"),
                "map": str(map_file),
                "keeper": keeper,
                "port": elsewhere.getsockname()[1],
                "files": [path for path in acts.below(folder / "state") if not path.startswith("keeper/")],
                "tokens": {"none": "", "another sender": phone, "another scope": lineage},
                "upload": sha256(f"{holder.split('_')[1]}\0{theirs.id}".encode()).hexdigest(),
                "recording": path_of(ANNA, "r-theirs"),
            }
            told = json.loads(inside.heard(known))
            assert theirs.part(2, 4).status == 201
    assert told["keeper"].pop("status") == acts.DONE
    assert told["keeper"].pop("stop") == "Misconfigured: run it as that user"
    assert {came for came in told["keeper"].values() if "--allow-user" not in came and "--let-" not in came} == set()
    assert {act for act, came in told["files"].items() if came == acts.DONE} <= {"read the map"}
    assert told["senders"]["take with none"] == "SenderRefused: MISSING"
    assert told["senders"]["append with another scope"] == "SenderRefused: NOT_FOR_THIS"
    assert told["senders"]["append with another sender"].startswith("SessionGone")
    assert told["senders"]["take with another scope"] == acts.DONE, "the control: a token is good for its scope"
    for path in (folder, *folder.rglob("*")):
        os.chown(path, 0, 0)
    assert home.read(ANNA, "r-theirs") == b"wxyz"
    assert expunge("lineage", "show", cwd=folder).code == 0
