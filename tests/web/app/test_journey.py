"""*Delete my data* in a company's own app: the twenty lines of the page, over real stores, to a receipt that anybody can check."""

from __future__ import annotations

import base64
import importlib.util
import io
import json
import re
import runpy
import secrets
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from expunge import clock
from tests.cli.running import expunge
from tests.engine.accounts.company import ISSUER
from tests.engine.apps.receiver import receiving
from tests.web.app.company_app import App, app_site

ROOT = Path(__file__).parents[3]
CLIENT = ROOT / "packages" / "expunge-app" / "expunge_app.py"
SECRET = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture(scope="module")
def client() -> ModuleType:
    """The generated client, as an app imports it."""
    spec = importlib.util.spec_from_file_location("expunge_app", CLIENT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["expunge_app"] = module
    spec.loader.exec_module(module)
    return module


def test_the_client_is_the_one_that_the_document_gives(client: ModuleType) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "api-client"), run_name="api-client")
    assert script["text"]() == CLIENT.read_text(), "run .venv/bin/python scripts/api-client"
    named = {each["operationId"] for _, _, each in script["Writer"](script["document"]()).operations()}
    assert named <= set(dir(client.Client))
    assert len(named) == 15


def lines_of_the_page() -> str:
    """The lines that put *delete my data* into an app."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs/howto/app-api.md").read_text(), re.DOTALL)
    assert found is not None
    assert len([line for line in found[1].splitlines() if line.strip()]) <= 20
    return found[1]


def in_an_app(app: App, folder: Path) -> dict[str, Any]:
    """The lines of the page as a module of an app, for this company."""
    key = app.site.company.keys["app-1"]
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "hand-over.key").write_bytes(pem)
    (folder / "app.token").write_text(f"{app.client}\n")
    lines = lines_of_the_page()
    for page, here in (("https://privacy.example.com", app.site.origin), ("https://app.example.com", ISSUER)):
        assert page in lines
        lines = lines.replace(page, here)
    module = folder / "delete_my_data.py"
    module.write_text(lines)
    return runpy.run_path(str(module))


def test_twenty_lines_delete_everything_and_the_receipt_holds(tmp_path: Path, client: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "company"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    (folder / "webhook.secret").write_text(f"{SECRET}\n")
    (folder / "webhook.secret").chmod(0o600)
    with receiving(tmp_path) as receiver:
        receiver.behave("fails")
        section = f"app:\n    webhooks: {{app: {{url: '{receiver.url}/told', secret_file: ./webhook.secret}}}}"
        with app_site(folder, section, further="cooling_off: 0 days\n") as app:
            page = in_an_app(app, tmp_path)
            # The hook is told of what comes after the clerk first saw it.
            _until(lambda: app.site.kept("SELECT hook FROM expunge_webhook_since"))
            click = secrets.token_hex(16)
            order = page["delete_my_data"]("p-mia", "session-9", int(clock.timestamp()), click)
            assert page["delete_my_data"]("p-mia", "session-9", int(clock.timestamp()), click) == order
            api, family = page["customer"]("p-mia", "session-9", int(clock.timestamp()))
            _until(lambda: api.get_order(family, order).state in {"erased", "erased in part"})
            done = api.get_order(family, order)
            assert (done.state, done.places, done.can_cancel, done.has_receipt) == ("erased", done.places_done, False, True)
            assert done.places == 2
            with pytest.raises(client.Problem) as late:
                api.cancel_order(family, order)
            assert (late.value.status, late.value.kind) == (409, "too-late")
            with zipfile.ZipFile(io.BytesIO(api.get_receipt(family, order))) as archive:
                archive.extractall(tmp_path / "out")
            ran = expunge("receipt", "verify", str(tmp_path / "out" / "receipt"), cwd=tmp_path)
            assert ran.code == 0, ran.err
            assert not list((folder / "world" / "media" / "voice").glob("p-mia/*"))
            assert list((folder / "world" / "media" / "voice").glob("p-ada/*"))
            held = api.get_held(family)
            assert sum(kind.items for kind in held.kinds) == 0
            with pytest.raises(client.Problem, match="holds this person"):
                api.order_deletion(family, idempotency_key=secrets.token_hex(16))
            assert page["APP"].end_login(sid="session-9").tokens >= 2
            with pytest.raises(client.Problem) as ended:
                api.list_orders(family)
            assert (ended.value.status, ended.value.kind) == (401, "token")
            # The clerk looks for steps every two seconds.
            _until(lambda: any(each["tries"] for each in _waiting(folder)))
            waiting = _waiting(folder)
            assert {each["fault"] for each in waiting if each["tries"]} == {"answered 500"}
            assert expunge("webhooks", "list", cwd=folder).code == 0
            receiver.behave("ok")
            again = expunge("webhooks", "retry", *(each["message"] for each in waiting), "--json", cwd=folder)
            assert again.json["messages"] == len(waiting)
            assert expunge("webhooks", "retry", "msg_none", cwd=folder).code == 2
            _until(lambda: {"order.received", "order.ended"} <= {each["type"] for each in _messages(receiver.taken, client)})
            told = _messages(receiver.taken, client)
            assert all(each["data"]["families"] == [family] for each in told)
            assert {each["data"]["order"] for each in told} == {order}
            _until(lambda: not expunge("webhooks", "list", "--json", cwd=folder).json["messages"])


def _waiting(folder: Path) -> list[dict[str, Any]]:
    """The messages that were not taken yet."""
    found: list[dict[str, Any]] = expunge("webhooks", "list", "--json", cwd=folder).json["messages"]
    return found


def _messages(taken: list[dict[str, Any]], client: ModuleType) -> list[dict[str, Any]]:
    """What the hook was told, each of it signed, and nothing of it with a word about a person."""
    for each in taken:
        assert "p-mia" not in each["body"]
        assert "Mia" not in each["body"]
        with pytest.raises(client.BadWebhook):
            client.verify_webhook(SECRET, each["headers"], each["body"].encode() + b" ")
        with pytest.raises(client.BadWebhook):
            client.verify_webhook(SECRET, each["headers"], each["body"].encode(), tolerance=-1)
    return [client.verify_webhook(SECRET, each["headers"], each["body"].encode()) for each in taken]


def _until(holds: Any, within: float = 60.0) -> None:
    until = time.monotonic() + within
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_client_follows_no_redirect_and_tells_a_problem(tmp_path: Path, client: ModuleType) -> None:
    with receiving(tmp_path) as receiver:
        api = client.Client(f"{receiver.url}/redirects#", "token", timeout=5)
        with pytest.raises(client.Problem) as refused:
            api.exchange(statement="x")
        assert refused.value.status == 307
    assert [json.loads(line)["path"] for line in receiver.file.read_text().splitlines()] == ["/redirects"]
    assert subprocess.run([sys.executable, "-I", str(CLIENT)], check=False).returncode == 0
