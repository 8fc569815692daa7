"""Networks that forget exactly: shards, taught slice by slice, with a training checkpoint after each slice.

A shard begins from weights that depend on the configuration alone, and is taught in stages: stage ``j`` makes its share of the passes over
the first ``j`` slices of people. When a person is forgotten, the shard goes back to the training checkpoint before their slice, and every
later one is destroyed. Each pass seeds all random numbers anew and takes the rows that are there by keyed hash of record and pass, cut into
batches without holes: so a shard is a function of its members. PyTorch promises the same bits for one build, one kind of processor and one
number of threads; a model from elsewhere is fitted again as a whole.
"""

from __future__ import annotations

import pickle
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn

from expunge.learn.base import environment, model_files
from expunge.learn.base.fixed_point import without_negative_zeros
from expunge.learn.records.record_hashes import place
from expunge.learn.records.refusals import BadInput, FileRefused
from expunge.learn.sharded import network_training
from expunge.learn.sharded.checkpoints import Checkpoints
from expunge.learn.sharded.shard_parts import ShardInput, TaughtShard
from expunge.learn.sharded.sharding import HighRisk, Sharded

_TYPES = {"float32": np.float32, "int64": np.int64}
_PREDICTED_TOGETHER = 1024


@dataclass(frozen=True)
class Network:
    """One shard's network after its last slice, and the hashes of its checkpoints, each of which names the one before."""

    net: nn.Module
    classes: int
    chain: tuple[str, ...]


class ShardedTorch(Sharded):
    """A classifier made of any network. Forgetting a person costs a part of one shard.

    Args:
        module: ``module(shape, classes)`` returns an ``nn.Module`` for rows of that shape, whose first ``classes`` outputs are scores of
            the classes; or such a function's dotted path, ``package.module:function``. None takes a small network of one hidden layer.
            Only its layers are written to files: name it again to ``load``.
        shards: number of networks; people are spread over them by a keyed hash.
        slices: stages in which a shard is taught.
        epochs: cost of a whole shard, in passes over all of its rows.
        even: the quantity that is equal in all stages: ``passes`` over the rows that are there by then, as in SISA, or ``steps``: then
            the first stages, which few deletions repeat, carry more of the work, and the last ones less.
        batch_size: rows in a step.
        optimiser: ``adam``, ``adamw`` or ``sgd``.
        learning_rate: of the optimiser.
        weight_decay: of the optimiser.
        momentum: of ``sgd``.
        dtype: ``float32``, or ``int64`` for networks that take numbers of tokens.
        checkpoints: a folder of its own for this model; None keeps them in memory, where a saved model leaves them behind: then a shard
            that is touched after loading is taught from scratch. Not written to files.
        high_risk: people likely to go soon (children, consent about to end), as names or a function of a name: they come in the last
            slice. Not written to files.
        jobs: shards that are taught at once, each in a process of its own; no bit depends on it. With more than one, ``module`` must be
            something that another process can import, and a script keeps its work under ``if __name__ == "__main__":``. Not written to
            files.
        seed: of first weights and of every draw of a network.
        key: bytes for placement and order; the default is public. Not written to files.
    """

    file_tag = "ShardedTorch"
    packages: ClassVar[tuple[str, ...]] = ("torch",)
    _kept: Checkpoints
    secret_params: ClassVar[frozenset[str]] = Sharded.secret_params | {"module", "checkpoints"}

    def __init__(  # noqa: PLR0913 - the habit of scikit-learn: every setting a parameter of its own
        self,
        module: network_training.Build | str | None = None,
        *,
        shards: int = 8,
        slices: int = 4,
        epochs: int = 32,
        even: str = "passes",
        batch_size: int = 16,
        optimiser: str = "adam",
        learning_rate: float = 5e-3,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        dtype: str = "float32",
        checkpoints: str | Path | None = None,
        high_risk: HighRisk = None,
        jobs: int = 1,
        seed: int = 0,
        key: bytes | None = None,
    ) -> None:
        self.module = module
        self.shards = shards
        self.slices = slices
        self.epochs = epochs
        self.even = even
        self.batch_size = batch_size
        self.optimiser = optimiser
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.momentum = momentum
        self.dtype = dtype
        self.checkpoints = checkpoints
        self.high_risk = high_risk
        self.jobs = jobs
        self.seed = seed
        self.key = key

    def _check_params(self) -> None:
        if not (1 <= self.shards <= 100_000 and 1 <= self.slices <= 10_000 and self.epochs >= 1 and self.batch_size >= 1):
            raise BadInput("take 1 to 100,000 shards of 1 to 10,000 slices, 1 epoch and 1 row in a batch at least")
        self._check_jobs()
        if self.even not in {"passes", "steps"}:
            raise BadInput("even is passes or steps")
        if self.optimiser not in network_training.OPTIMISERS or self.dtype not in _TYPES:
            raise BadInput("optimiser is adam, adamw or sgd; dtype is float32 or int64")
        if not (self.learning_rate > 0 and self.weight_decay >= 0 and 0 <= self.momentum < 1):
            raise BadInput("take a learning rate above 0, a weight decay of 0 or more, a momentum of 0 to 1")
        self._build = _found(self.module)
        if self.jobs > 1:
            _check_sendable(self.module)
        if not hasattr(self, "_kept") or self._kept.folder != self.checkpoints:
            self._kept = Checkpoints(self.checkpoints)

    def _features(self, features: Any) -> np.ndarray:
        if hasattr(features, "indptr"):
            raise BadInput("networks take dense rows: give X.toarray()")
        try:
            given = np.asarray(features)
            x = np.ascontiguousarray(given, _TYPES[self.dtype])
        except (TypeError, ValueError) as error:
            raise BadInput("features must be numbers, (n, ...)") from error
        if x.ndim < 2 or 0 in x.shape[1:]:
            message = f"features of shape {x.shape}: networks take (n, ...)"
            raise BadInput(message)
        if not np.isfinite(x).all() or (x.dtype == np.int64 and not np.array_equal(x, given)):
            raise BadInput("a feature is NaN, infinite, or no number of the type that the network takes")
        return without_negative_zeros(x)

    # ---- teaching ----------------------------------------------------------------------------------------------

    def _passes(self) -> int:
        return self.epochs

    def _passes_of_stages(self) -> list[int]:
        """Passes of each stage; together, a whole shard costs about what ``epochs`` passes over all of its rows cost."""
        ends = np.arange(1, self.slices + 1)
        passes = 2 * self.epochs / (self.slices + 1) * ends if self.even == "passes" else self.epochs * np.cumsum(1 / ends)
        until = np.rint(passes).astype(np.int64)
        # Whoever is in the last slice is learnt from as well, however many slices there are.
        until[:-1] = np.minimum(until[:-1], until[-1] - 1)
        return [end - start for start, end in pairwise([0, *until.tolist()])]

    def _salt(self, *what: int | str) -> int:
        return place(self._records.key, " ".join(map(str, ("network", self.seed, *what))), b"")

    def _started(self, shard: int, classes: int) -> tuple[nn.Module, torch.optim.Optimizer]:
        network_training.seed_all(self._salt("first weights", shard))
        net = self._build(self._shape, classes)
        if not isinstance(net, nn.Module):
            raise BadInput("module(shape, classes) must return an nn.Module")
        options: dict[str, Any] = {"lr": self.learning_rate, "weight_decay": self.weight_decay}
        if self.optimiser == "sgd":
            options["momentum"] = self.momentum
        return net, network_training.OPTIMISERS[self.optimiser](net.parameters(), **options)

    def _teach(self, lesson: ShardInput, old: Network | None) -> TaughtShard:
        with network_training.steady():
            net, optimiser = self._started(lesson.shard, lesson.classes)
            chain = () if old is None else old.chain[: lesson.since]
            assert lesson.keys is not None
            lost = not self._resumed(net, optimiser, lesson, chain)
            if lost:
                # Its first weights, whatever was put in before the checkpoint proved to be another one.
                net, optimiser = self._started(lesson.shard, lesson.classes)
                chain = ()
            rows = torch.from_numpy(np.ascontiguousarray(lesson.features)), torch.from_numpy(lesson.codes.astype(np.int64))
            among, taught, passes = lesson.slice_of(), 0, self._passes_of_stages()
            for number in range(len(chain), self.slices):
                there = np.flatnonzero(among <= number)
                for epoch in range(passes[number] if len(there) > 1 else 0):
                    salt = self._salt("pass", lesson.shard, number, epoch)
                    network_training.seed_all(salt)
                    order = there[np.argsort(network_training.mixed(lesson.keys[there], salt), kind="stable")]
                    taught += network_training.epoch(net, optimiser, rows, order, self.batch_size)
                chain = (*chain, self._keep(net, optimiser, lesson, chain))
            net.eval()
        return TaughtShard(Network(net, lesson.classes, chain), taught, lost)

    def _keep(self, net: nn.Module, optimiser: torch.optim.Optimizer, lesson: ShardInput, chain: tuple[str, ...]) -> str:
        """Keep the checkpoint after the next slice of a chain; its hash. Random numbers are seeded anew by each pass: none are kept."""
        number = len(chain)
        head = {
            "class": "checkpoint",
            "shard": lesson.shard,
            "slice": number,
            "before": chain[-1] if chain else "",
            "learnt": lesson.learnt[number],
            "environment": environment.fingerprint(*self.packages),
        }
        return self._kept.put(
            lesson.shard, number, model_files.to_bytes(head, {**network_training.weights(net), **network_training.memory(optimiser)})
        )

    def _prepared(self, lesson: ShardInput) -> ShardInput:
        among, state, found = lesson.slice_of(), sha256(), []
        for number in range(self.slices):
            state.update(self._records.seal(lesson.rows[among == number]))
            found.append(state.hexdigest())
        return replace(lesson, keys=self._records.places("pass", lesson.rows), learnt=tuple(found))

    def _checkpoints(self, lesson: ShardInput, old: Network | None) -> Mapping[str, bytes]:
        return self._kept.held(() if old is None else old.chain[: lesson.since][-1:])

    def _take_checkpoints(self, kept: Mapping[str, bytes]) -> None:
        self._kept.take(kept)

    def _made_checkpoints(self, model: Network) -> Mapping[str, bytes]:
        return self._kept.held(model.chain)

    def _resumed(self, net: nn.Module, optimiser: torch.optim.Optimizer, lesson: ShardInput, chain: tuple[str, ...]) -> bool:
        """Go back to the last checkpoint of a chain, if there is one; whether it was there, and the one that was written."""
        if not chain:
            return True
        data = self._kept.get(lesson.shard, len(chain) - 1, chain[-1])
        if data is None:
            return False
        head, tensors = model_files.from_bytes(data)
        if head["before"] != (chain[-2] if len(chain) > 1 else "") or head["learnt"] != lesson.learnt[len(chain) - 1]:
            return False
        network_training.put_weights(net, tensors)
        network_training.put_memory(optimiser, tensors)
        return True

    def _destroy_old(self) -> tuple[str, ...]:
        models = (part.model for part in self._serving.parts.values() if part.model is not None)
        return self._kept.keep_only({each for model in models for each in model.chain})

    # ---- voting and files --------------------------------------------------------------------------------------

    def _votes(self, model: Network, features: np.ndarray) -> np.ndarray:
        said = []
        with torch.inference_mode():
            for start in range(0, len(features), _PREDICTED_TOGETHER):
                raw = model.net(torch.from_numpy(features[start : start + _PREDICTED_TOGETHER]))[:, : model.classes]
                said.append(torch.softmax(raw.double(), dim=1).numpy())
        return np.concatenate(said) if said else np.empty((0, model.classes))

    def _model_state(self, model: Network) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        state = {"chain": list(model.chain), "classes": model.classes, "architecture": network_training.architecture(model.net)}
        return network_training.weights(model.net), state

    def _model_restore(self, shard: int, tensors: Mapping[str, np.ndarray], state: Mapping[str, Any]) -> Network:
        with network_training.steady():
            net, _ = self._started(shard, int(state["classes"]))
        if network_training.architecture(net) != state["architecture"]:
            raise FileRefused("the file holds another network: load(path, module=...) with what it was fitted with")
        network_training.put_weights(net, tensors)
        return Network(net.eval(), int(state["classes"]), tuple(map(str, state["chain"])))


def _check_sendable(module: network_training.Build | str | None) -> None:
    try:
        pickle.dumps(module)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise BadInput("other processes cannot import this module: put the function at the top level of a file, or take jobs=1") from error


def _found(module: network_training.Build | str | None) -> network_training.Build:
    if module is None:
        return network_training.small
    if isinstance(module, str):
        try:
            module = pkgutil.resolve_name(module)
        except (ImportError, AttributeError, ValueError) as error:
            raise BadInput("module is no dotted path that can be imported: package.module:function") from error
    if not callable(module):
        raise BadInput("module must be a function of (shape, classes), its dotted path, or None")
    return module
