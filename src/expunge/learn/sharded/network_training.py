"""Train one network as a function of its rows: seeds by configuration and epoch, sequence by keyed hashes of the records, one thread."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import nn

from expunge.learn.records.refusals import BadInput, FileRefused

Build = Callable[[tuple[int, ...], int], nn.Module]
"""``build(shape, classes)``: a network for rows of a shape; the first ``classes`` of its outputs are what it says of each class."""

OPTIMISERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}

_TEACHING = threading.RLock()


def small(shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return the network where none is named: rows are standardised, then one hidden layer of 32."""
    size = int(np.prod(shape))
    return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(size), nn.Linear(size, 32), nn.ReLU(), nn.Linear(32, classes))


@contextmanager
def steady() -> Iterator[None]:
    """A block with one thread and deterministic algorithms, which restores the random state. One at a time: all share these settings."""
    with _TEACHING, _alone():
        yield


@contextmanager
def _alone() -> Iterator[None]:
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    states = random.getstate(), np.random.get_state()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(mode=True)
    try:
        with torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(mode=strict)
        random.setstate(states[0])
        np.random.set_state(states[1])


def seed_all(number: int) -> None:
    """Seed every random source that a network may draw from, by 64 bits."""
    # Why not torch.manual_seed: it queues a call for graphics processors, with a stack trace, each time.
    torch.default_generator.manual_seed(number)
    random.seed(number)
    np.random.seed(number % 2**32)


def batches(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Cut into batches; one row alone joins the batch before it, since some layers cannot learn from one."""
    ends = list(range(size, len(order), size))
    if ends and len(order) - ends[-1] == 1 and size > 1:
        ends.pop()
    yield from np.split(order, ends)


def mixed(numbers: np.ndarray, salt: int) -> np.ndarray:
    """Other numbers of 64 bits from (n,) uint64, one to one (as in SplitMix64): an order for each pass from one hash a record."""
    z = numbers ^ np.uint64(salt)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(z ^ (z >> np.uint64(31)))


def epoch(net: nn.Module, optimiser: torch.optim.Optimizer, rows: tuple[torch.Tensor, torch.Tensor], order: np.ndarray, size: int) -> int:
    """One pass over rows in an order; how many samples were taught."""
    x, codes = rows
    net.train()
    taught, outputs = 0, int(codes.max()) + 1
    for batch in batches(order, size):
        chosen = torch.from_numpy(batch)
        optimiser.zero_grad()
        said = _asked(net, x[chosen])
        if said.ndim != 2 or said.shape[0] != len(batch) or said.shape[1] < outputs:
            message = f"the network answers with shape {tuple(said.shape)} to {len(batch)} rows of {outputs} classes or more"
            raise BadInput(message)
        torch.autograd.backward(nn.functional.cross_entropy(said, codes[chosen]))
        optimiser.step()
        taught += len(batch)
    return taught


def _asked(net: nn.Module, rows: torch.Tensor) -> torch.Tensor:
    try:
        said = net(rows)
    except (RuntimeError, IndexError, TypeError, ValueError) as error:
        message = f"the network cannot take rows of shape {tuple(rows.shape[1:])} and type {rows.dtype}; its own error follows from here"
        raise BadInput(message) from error
    if not isinstance(said, torch.Tensor):
        raise BadInput("the network must answer with one tensor of scores")
    return said


def architecture(net: nn.Module) -> str:
    """Hex SHA-256 over the kinds of layers, and the names, shapes and types of what they learn."""
    kinds = [f"{name}={type(each).__name__}" for name, each in net.named_modules()]
    tensors = [f"{name}={tuple(each.shape)}{each.dtype}" for name, each in net.state_dict().items()]
    return sha256("\n".join([*kinds, *tensors]).encode()).hexdigest()


def weights(net: nn.Module) -> dict[str, np.ndarray]:
    """Copies of everything that a network has learnt. Raises BadInput where it is no number any more."""
    found = {}
    for name, each in net.state_dict().items():
        try:
            found[f"weights.{name}"] = each.detach().numpy().copy()
        except TypeError as error:
            message = f"weights of type {each.dtype} cannot be kept: take float32 or float64"
            raise BadInput(message) from error
        if not np.isfinite(found[f"weights.{name}"]).all():
            raise BadInput("a shard diverged: its weights are no numbers any more; take a lower learning_rate, or scale the features")
    return found


def put_weights(net: nn.Module, tensors: Mapping[str, np.ndarray]) -> None:
    """Give a network the output of :func:`weights`. Raises FileRefused."""
    try:
        state = {
            name: torch.from_numpy(tensors[f"weights.{name}"].copy()).reshape(each.shape).to(each.dtype)
            for name, each in net.state_dict().items()
        }
        net.load_state_dict(state)
    except (KeyError, RuntimeError) as error:
        raise FileRefused("the weights in the file are not those of this network") from error


def memory(optimiser: torch.optim.Optimizer) -> dict[str, np.ndarray]:
    """Return an optimiser's state from the steps before, as arrays."""
    state: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
    return {
        f"optimiser.{number}.{name}": each.detach().numpy().copy()
        for number, named in state.items()
        for name, each in named.items()
        if isinstance(each, torch.Tensor)
    }


def put_memory(optimiser: torch.optim.Optimizer, tensors: Mapping[str, np.ndarray]) -> None:
    """Give an optimiser the output of :func:`memory`."""
    whole = optimiser.state_dict()
    sizes = [each.shape for group in optimiser.param_groups for each in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, each in tensors.items():
        if key.startswith("optimiser."):
            _, number, name = key.split(".", 2)
            shape = () if name == "step" else sizes[int(number)]
            state.setdefault(int(number), {})[name] = torch.from_numpy(each.copy()).reshape(shape)
    optimiser.load_state_dict({"state": state, "param_groups": whole["param_groups"]})
