"""A model that was destroyed, or is being made anew, answers nobody: asked of real snapshots, over real ASGI and MLflow."""

from __future__ import annotations

import asyncio
import json
import pickle
import time
import warnings
from collections.abc import Callable, Iterator, MutableMapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from expunge.core.datamap.datamap import DataMap, IdentitySpec
from expunge.core.gate.gate_snapshot import Contents, GatePolicy, PurposeState, gate_entry
from expunge.core.models import model_outcomes
from expunge.core.values.ids import MODEL
from expunge.gate import Gate, GateReason, file_gate
from expunge.learn.serving import serve_guard as module
from expunge.learn.serving.serve_guard import ModelRefused, ServeGuard, contents, guarded, serve_guard
from expunge.learn.serving.serve_web import AsgiServeGuard
from expunge.stores import Kinds
from tests.gate import world

NAME = "intent-model"
KINDS = DataMap({}, {}, {"profile": IdentitySpec("profile", "profiles", "id")}, {}, (), "/state").kinds


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "intent"
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(b"weights of version 7")
    (folder / "labels.json").write_text('["on", "off"]')
    return folder


def look_again() -> None:
    """A gate looks at its file once in a while."""
    time.sleep(2 * file_gate.LOOK_EVERY)


class Estate:
    """A snapshot, published anew for each thing that happens to models."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "gate.snapshot"
        self.blocked: frozenset[str] = frozenset()
        self.kinds: frozenset[str] | None = KINDS
        self.purposes: dict[str, PurposeState] | None = None
        self.publish()

    def publish(self, *events: object) -> None:
        self.blocked = model_outcomes.blocked(events) if events else self.blocked
        entries = frozenset(gate_entry(world.KEY, MODEL, each) for each in self.blocked)
        world.publish(self.path, Contents(entries, frozenset(), GatePolicy("f" * 64, self.purposes, kinds=self.kinds)))
        look_again()

    def replace(self, data: bytes) -> None:
        """Another file, not other bytes: within one tick of the file system's clock, those of the same length look the same."""
        other = self.path.with_name("other")
        other.write_bytes(data)
        other.replace(self.path)

    def block(self, *digests: str) -> object:
        return model_outcomes.ModelsBlocked(world.NOW, NAME, digests)

    def gate(self, later: timedelta = timedelta(0)) -> Gate:
        return world.gate(self.path, world.NOW + later)


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    return Estate(tmp_path)


@pytest.fixture(autouse=True)
def looks_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.0)


def digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()


def refusal(guard: ServeGuard) -> tuple[str, bool] | None:
    found = guard.refusal()
    return None if found is None else (found.reason, found.for_good)


def test_a_model_that_nobody_ordered_anything_about_serves(estate: Estate, model: Path) -> None:
    serve_guard(estate.gate(), NAME, model)
    serve_guard(estate.gate(), NAME, model / "weights.safetensors")
    serve_guard(estate.gate(), NAME, "a" * 64)


def test_a_model_stops_when_it_is_blocked_and_its_weights_for_good_while_what_replaces_it_serves(estate: Estate, model: Path) -> None:
    weights, labels = model / "weights.safetensors", model / "labels.json"
    old = ServeGuard(estate.gate(), NAME, model)
    estate.publish(blocked := estate.block(digest(weights), digest(labels)))
    assert refusal(old) == ("an order has destroyed it, or made another in its place", True)

    weights.write_bytes(b"weights of version 8")
    new = ServeGuard(estate.gate(), NAME, model)
    # Loaded too early: the name is free only when the order says that something else is there.
    assert refusal(new) == ("an order is at it, and nothing has been made in its place yet", False)
    estate.publish(blocked, model_outcomes.ModelsFreed(world.NOW, NAME))
    assert refusal(new) is None
    # What is in memory is what was loaded, whatever lies under its path now.
    assert refusal(old) == ("an order has destroyed it, or made another in its place", True)
    with pytest.raises(ModelRefused, match="intent-model may not serve") as caught:
        old.check()
    assert caught.value.for_good
    assert caught.value.help


def test_a_copy_under_another_name_is_known_by_its_content(estate: Estate, model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copied-by-hand.bin"
    copy.write_bytes((model / "weights.safetensors").read_bytes())
    estate.publish(estate.block(digest(model / "weights.safetensors")))
    with pytest.raises(ModelRefused):
        serve_guard(estate.gate(), "nobody-knows-this-name", copy)
    with pytest.raises(ModelRefused):
        serve_guard(estate.gate(), "nobody-knows-this-name", f"sha256:{digest(copy)}")


def test_settings_that_stay_the_same_do_not_stop_a_new_model_and_stop_an_old_one(estate: Estate, model: Path) -> None:
    estate.publish(estate.block(digest(model / "labels.json")), model_outcomes.ModelsFreed(world.NOW, NAME))
    serve_guard(estate.gate(), NAME, model)
    with pytest.raises(ModelRefused):
        serve_guard(estate.gate(), NAME, model / "labels.json")


def test_an_encoder_that_is_the_same_in_every_version_is_not_what_an_order_is_about(estate: Estate, model: Path) -> None:
    encoder = model / "encoder.onnx"
    encoder.write_bytes(b"a public encoder")
    estate.publish(estate.block(*(each.digest for each in contents(model))), model_outcomes.ModelsFreed(world.NOW, NAME))
    (model / "weights.safetensors").write_bytes(b"weights of version 8")
    assert refusal(ServeGuard(estate.gate(), NAME, model)) == ("an order has destroyed it, or made another in its place", True)
    assert refusal(ServeGuard(estate.gate(), NAME, model, frozen=[digest(encoder)])) is None


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda estate: estate.path.unlink(), GateReason.MISSING),
        (lambda estate: estate.replace(estate.path.read_bytes()[:-1] + b"x"), GateReason.FORGED),
        (lambda estate: estate.replace(b""), GateReason.FORGED),
    ],
)
def test_a_gate_that_knows_nothing_lets_no_model_serve(
    estate: Estate, model: Path, spoil: Callable[[Estate], None], reason: GateReason
) -> None:
    guard = ServeGuard(estate.gate(), NAME, model)
    assert refusal(guard) is None
    spoil(estate)
    look_again()
    assert refusal(guard) == (reason.value, False)


def test_a_snapshot_older_than_the_gate_allows_lets_no_model_serve(estate: Estate, model: Path) -> None:
    assert refusal(ServeGuard(estate.gate(timedelta(minutes=59)), NAME, model)) is None
    assert refusal(ServeGuard(estate.gate(timedelta(minutes=61)), NAME, model)) == (GateReason.STALE.value, False)


def test_a_publisher_that_knows_nothing_of_models_lets_none_serve(estate: Estate, model: Path) -> None:
    estate.kinds = frozenset({"profile"})
    estate.publish()
    assert refusal(ServeGuard(estate.gate(), NAME, model)) == (GateReason.UNKNOWN_KIND.value, False)


@pytest.mark.parametrize("purpose", ["serve", "answer", "train", "given"])
def test_consent_of_people_is_not_asked_of_models_and_an_order_counts_all_the_same(estate: Estate, model: Path, purpose: str) -> None:
    estate.purposes = {"answer": PurposeState(), "train": PurposeState(needs_consent=True), "given": PurposeState(closed=True)}
    estate.publish()
    guard = ServeGuard(estate.gate(), NAME, model, purpose=purpose)
    assert refusal(guard) is None
    estate.publish(estate.block(digest(model / "weights.safetensors")))
    assert refusal(guard) == ("an order has destroyed it, or made another in its place", True)


def test_the_words_of_the_gate_are_those_that_it_says() -> None:
    assert frozenset({GateReason.UNKNOWN_PURPOSE, GateReason.CLOSED, GateReason.NO_CONSENT}) == module._OF_PEOPLE
    assert module._SUPPRESSED == GateReason.SUPPRESSED


def test_every_map_knows_the_kind_model_and_no_identity_may_be_called_so(tmp_path: Path) -> None:
    from expunge.maps import examine, read_map

    maps = Path(__file__).parents[1] / "vectors" / "maps"
    assert MODEL in read_map(maps / "sound.yaml", {}, kinds=Kinds()).kinds
    text = (maps / "sound.yaml").read_text().replace("identities:\n", "identities:\n  model: {dataset: accounts, key: account_id}\n", 1)
    (tmp_path / "expunge.yaml").write_text(text)
    assert "bad-name" in {each.rule for each in examine(tmp_path / "expunge.yaml", {}, kinds=Kinds()).faults}


def test_what_is_no_model_is_said(estate: Estate, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        ServeGuard(estate.gate(), NAME, tmp_path / "gone")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no model"):
        contents(tmp_path / "empty")


def test_an_answer_of_the_gate_is_used_again_for_a_moment_only(estate: Estate, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.05)
    asked = []
    gate = estate.gate()

    class Counting:
        def may_use(self, subject: str, purpose: str) -> module.GateDecision:
            asked.append(subject)
            return gate.may_use(subject, purpose)

    guard = ServeGuard(Counting(), NAME, model)
    for _ in range(200):
        guard.check()
    assert asked[:3] == [f"model:{NAME}", *(f"model:sha256:{each.digest}" for each in guard.contents)]
    assert len(asked) < 3 * 200
    estate.publish(estate.block(digest(model / "weights.safetensors")))
    time.sleep(0.06)
    with pytest.raises(ModelRefused):
        guard.check()


# Wrapped models


class Linear:
    def __init__(self) -> None:
        self.classes_ = ["on", "off"]

    def predict(self, rows: np.ndarray) -> np.ndarray:
        return rows * 2

    def predict_proba(self, rows: np.ndarray) -> np.ndarray:
        return rows / 2


def test_a_wrapped_model_answers_as_itself_until_it_may_not(estate: Estate, model: Path) -> None:
    served = guarded(Linear(), ServeGuard(estate.gate(), NAME, model))
    assert served.predict(np.ones(1)).tolist() == [2.0]
    assert served.predict_proba(np.ones(1)).tolist() == [0.5]
    assert served.classes_ == ["on", "off"]
    proba = served.predict_proba
    estate.publish(estate.block(digest(model / "weights.safetensors")))
    for answer in (served.predict, served.predict_proba, proba):
        with pytest.raises(ModelRefused):
            answer(np.ones(1))
    with pytest.raises(AttributeError):
        _ = served.not_there


def test_a_model_that_mlflow_loads_and_serves_asks_too(estate: Estate, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of MLflow, about itself
        import mlflow.pyfunc
    from mlflow.models import infer_signature
    from sklearn.linear_model import LinearRegression

    from expunge.learn.serving.serve_mlflow import GuardedModel

    rows, wanted = np.arange(8.0).reshape(-1, 1), np.arange(8.0)
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    signature = infer_signature(rows, wanted)
    mlflow.sklearn.save_model(LinearRegression().fit(rows, wanted), inner, signature=signature, pip_requirements=[])
    mlflow.pyfunc.save_model(
        outer,
        python_model=GuardedModel(NAME, Opener(estate.path)),
        artifacts={"model": str(inner)},
        signature=signature,
        input_example=rows[:2],
        pip_requirements=[],
    )
    served = mlflow.pyfunc.load_model(str(outer))
    assert served.predict(rows)[3] == pytest.approx(3.0)
    estate.publish(estate.block(*(each.digest for each in contents(inner))))
    with pytest.raises(ModelRefused):
        served.predict(rows)
    with pytest.raises(ModelRefused):
        mlflow.pyfunc.load_model(str(outer))


class Opener:
    """What opens the gate where the model is served."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self) -> Gate:
        return world.gate(self.path)


def test_what_opens_the_gate_goes_along_with_a_logged_model() -> None:
    from expunge.gate import standing

    assert pickle.loads(pickle.dumps(standing)) is standing


# Over HTTP and web sockets


async def application(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"an answer"})


def ask(app: Any, scope: dict[str, Any], incoming: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(incoming)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    return sent


def get(app: Any, path: str) -> tuple[int, dict[str, str], bytes]:
    first, second = ask(app, {"type": "http", "method": "POST", "path": path}, iter([{"type": "http.request", "body": b""}]))
    return first["status"], {name.decode(): value.decode() for name, value in first["headers"]}, second["body"]


def test_requests_for_a_blocked_model_are_told_so_and_others_pass(estate: Estate, model: Path) -> None:
    app = AsgiServeGuard(application, ServeGuard(estate.gate(), NAME, model), ["/invocations", "/v2/"])
    for path in ("/invocations", "/invocations/", "/v2", "/v2/intent/infer", "/ping"):
        assert get(app, path) == (200, {}, b"an answer")
    estate.publish(estate.block(digest(model / "weights.safetensors")))
    for path in ("/invocations", "/invocations/", "/v2", "/v2/intent/infer"):
        status, headers, body = get(app, path)
        assert (status, headers["content-type"], headers["cache-control"]) == (410, "application/problem+json", "no-store")
        assert json.loads(body) == {
            "title": "Gone",
            "status": 410,
            "detail": "the model intent-model may not serve: an order has destroyed it, or made another in its place",
        }
        assert len(body) == int(headers["content-length"])
    assert get(app, "/ping")[0] == get(app, "/invocationsx")[0] == 200


def test_a_model_that_may_serve_again_later_is_told_so(estate: Estate, model: Path) -> None:
    app = AsgiServeGuard(application, ServeGuard(estate.gate(), NAME, model))
    estate.publish(estate.block("0" * 64))
    status, headers, _ = get(app, "/anything")
    assert (status, headers["retry-after"]) == (503, "5")
    estate.path.unlink()
    look_again()
    assert get(app, "/anything")[0] == 503


def test_a_connection_that_stays_open_is_closed_when_the_model_may_serve_no_more(estate: Estate, model: Path) -> None:
    app = AsgiServeGuard(application, ServeGuard(estate.gate(), NAME, model))

    def talk() -> Iterator[dict[str, Any]]:
        yield {"type": "websocket.connect"}
        yield {"type": "websocket.receive", "text": "hello"}
        estate.publish(estate.block(digest(model / "weights.safetensors")))
        yield {"type": "websocket.receive", "text": "and again"}

    sent = ask(app, {"type": "websocket", "path": "/"}, talk())
    assert [each["type"] for each in sent] == ["websocket.accept", "websocket.send", "websocket.close"]
    assert [each.get("code") for each in ask(app, {"type": "websocket", "path": "/"}, iter([{"type": "websocket.connect"}]))] == [1008]


def test_other_messages_of_a_server_pass(estate: Estate, model: Path) -> None:
    seen = []

    async def lifespan(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    estate.path.unlink()
    asyncio.run(AsgiServeGuard(lifespan, ServeGuard(estate.gate(), NAME, model))({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
