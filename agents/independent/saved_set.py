"""A set of Stable-Baselines3 models on disk, with all it takes to go on bit for bit.

::

    set.json              who is in it; written last, so that it always names a complete folder
    1/vehicle_0.zip       a model as ``model.save`` writes it, for everybody's use
    1/vehicle_0.npz       its replay buffer and running statistics
    1/randomness.npz      the generators of NumPy, PyTorch and Python

A player whose name is no plain word has a number for a file name.  Loading reads numbers only: the
parts of a model's file that could hold code are not opened.  Everything is read and compared with
the models before the first of them changes.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm

from mfg_envs.game import Array

from ..runs.atomic_files import write_atomically, write_json, write_npz
from ..runs.torch_state import GlobalRandomness
from . import arrays, weights

FORMAT = 1
COUNTERS = ("num_timesteps", "_n_updates", "_n_calls", "_episode_num", "exploration_rate")
"""What a model counts, beside its weights."""
PLAIN = re.compile(r"[A-Za-z0-9][\w.-]{0,99}", re.ASCII)
"""Names of players that are names of files as well, on every system."""


class SavedPlayer(NamedTuple):
    """What lies of a player in a set.

    Attributes:
        kind: Name of its model's class.
        file: What its model's ``save`` wrote.
        statistics: Running ones of a model that normalises, by their names in ``arrays``.
    """

    kind: str
    file: Path
    statistics: dict[str, Array]


def stem(names: Sequence[Any], i: int) -> str:
    """Return what the files of a player are called: its name if that is a plain word."""
    words = [str(name).lower() for name in names]
    plain = isinstance(names[i], str) and PLAIN.fullmatch(names[i]) is not None
    if plain and words.count(words[i]) == 1 and not words[i].startswith(("randomness", "player-")):
        return names[i]
    return f"player-{i}"


def save(
    folder: Path, models: Mapping[Any, BaseAlgorithm], randomness: GlobalRandomness, calls: int
) -> None:
    """Write a set of models; the set that was there stays whole until the new one is."""
    kept = {name: arrays.arrays(name, model) for name, model in models.items()}
    before = _header(folder)["generation"] if (folder / "set.json").exists() else 0
    new, labels = folder / str(before + 1), _labels(models)
    shutil.rmtree(new, ignore_errors=True)  # what a killed save left behind
    new.mkdir(parents=True)
    for i, (name, model) in enumerate(models.items()):
        file = stem(list(models), i)
        write_atomically(new / f"{file}.zip", model.save)
        write_npz(new / f"{file}.npz", kept[name])
    write_npz(new / "randomness.npz", arrays.numbers(randomness.state))
    players = {
        label: {
            "kind": type(model).__name__,
            "counters": {c: getattr(model, c) for c in COUNTERS if hasattr(model, c)},
            "action_space": generator_of(model).state,
        }
        for label, model in zip(labels, models.values(), strict=True)
    }
    header = {"format": FORMAT, "generation": before + 1, "calls": calls, "players": players}
    write_json(folder / "set.json", header)
    shutil.rmtree(folder / str(before), ignore_errors=True)


def load(folder: Path, models: Mapping[Any, BaseAlgorithm], randomness: GlobalRandomness) -> int:
    """Read a set into models of the same kinds; return how often they had learned.

    Raises:
        ValueError: If the set is of other players or other kinds, or a file is missing, broken or
            does not fit; nothing has changed then.
    """
    header, labels = _header(folder), _labels(models)
    kinds = {label: type(m).__name__ for label, m in zip(labels, models.values(), strict=True)}
    saved = {label: player["kind"] for label, player in header["players"].items()}
    if saved != kinds:
        odd = next(name for name in {**kinds, **saved} if saved.get(name) != kinds.get(name))
        raise ValueError(
            f"{folder} holds {saved.get(odd, 'nothing')} for {odd}, this set has"
            f" {kinds.get(odd, 'no such player')}: make it with the factories it was saved with"
        )
    numbered = folder / str(header["generation"])

    def read(name: str, parse: Callable[[Any], Any]) -> Any:
        return _read(folder, numbered / name, parse)

    states = read("randomness.npz", lambda opened: arrays.states(_npz(opened)))
    parts = []
    for i, (label, model) in enumerate(zip(labels, models.values(), strict=True)):
        file, player = stem(list(models), i), header["players"][label]
        _check_player(f"{folder / 'set.json'}: {label}", model, player)
        trained = read(f"{file}.zip", partial(weights.read, model))
        kept = read(f"{file}.npz", lambda opened, m=model: arrays.checked(m, _npz(opened)))
        parts.append((model, trained, kept, player))
    for model, trained, kept, player in parts:
        weights.write(model, trained)
        arrays.set_arrays(model, kept)
        for counter, value in player["counters"].items():
            setattr(model, counter, value)
        generator_of(model).state = player["action_space"]
    randomness.state = states
    return header["calls"]


def players(folder: Path) -> dict[str, SavedPlayer]:
    """Return what lies of every player in a set, by name.

    Raises:
        ValueError: If there is no set, or a file of it is missing or broken.
    """
    header, found = _header(folder), {}
    numbered, labels = folder / str(header["generation"]), list(header["players"])
    for i, label in enumerate(labels):
        words = (stem(labels, i), f"player-{i}")  # the name itself may be no word
        file = next((f for f in words if (numbered / f"{f}.zip").exists()), words[0])
        kept = _read(folder, numbered / f"{file}.npz", _statistics)
        _read(folder, numbered / f"{file}.zip", lambda opened: None)
        kind = header["players"][label]["kind"]
        found[label] = SavedPlayer(kind, numbered / f"{file}.zip", kept)
    return found


def _labels(models: Mapping[Any, Any]) -> list[str]:
    """Return the names of players as ``set.json`` has them."""
    labels = [name if isinstance(name, str) else repr(name) for name in models]
    if len(set(labels)) < len(labels):
        raise ValueError(f"players cannot be told apart by name in a file: {labels}")
    return labels


def _read(folder: Path, path: Path, parse: Callable[[Any], Any]) -> Any:
    """Read a file of a set; whatever is wrong with it becomes an error that names it.

    Raises:
        ValueError: If it is missing, leads out of the set's folder, or cannot be read.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ValueError("it is a link that leads out of the folder")
        with path.open("rb") as opened:
            return parse(opened)
    except FileNotFoundError:
        raise ValueError(f"{path} is missing: the set of models is not complete") from None
    except Exception as error:  # a broken file raises anything: zip, zlib, pickle, NumPy, PyTorch
        raise ValueError(f"{path} cannot be loaded: {error or type(error).__name__}") from error


def _npz(opened: Any) -> dict[str, Any]:
    with np.load(opened, allow_pickle=False) as arrays:
        return dict(arrays)


def _statistics(opened: Any) -> dict[str, Array]:
    with np.load(opened, allow_pickle=False) as kept:
        return {key: kept[key] for key in kept.files if key.startswith("statistics/")}


def _header(folder: Path) -> dict[str, Any]:
    """Return the checked content of ``set.json``, but for what depends on the models."""
    path = folder / "set.json"
    if not path.exists():
        raise ValueError(f"{folder} holds no set of models: set.json is missing")
    header = _read(folder, path, json.load)
    found = header.get("format") if isinstance(header, dict) else None
    if found != FORMAT:
        raise ValueError(f"{folder} has format {found}, this version reads {FORMAT}")
    for key, least in (("generation", 1), ("calls", 0)):
        if not _is_count(header.get(key), least):
            raise ValueError(f"{path}: {key} must be {least} or more, got {header.get(key)!r}")
    players = header.get("players")
    if not isinstance(players, dict) or not all(
        isinstance(player, dict) and isinstance(player.get("kind"), str)
        for player in players.values()
    ):
        raise ValueError(f"{path}: players must say the kind of every player, got {players!r}")
    return header


def _is_count(value: Any, least: int = 0) -> bool:
    return type(value) is int and least <= value < 2**63


def _check_player(where: str, model: BaseAlgorithm, player: Mapping[str, Any]) -> None:
    """Refuse counters that such a model does not have, and what is no generator's state."""
    counters = player.get("counters")
    wanted = [counter for counter in COUNTERS if hasattr(model, counter)]
    if not isinstance(counters, dict) or counters.keys() != set(wanted):
        raise ValueError(f"{where}: counters must be those of {wanted}, got {counters!r}")
    for counter, value in counters.items():
        if counter == "exploration_rate":
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise ValueError(f"{where}: {counter} must be in [0, 1], got {value!r}")
        elif not _is_count(value):
            raise ValueError(f"{where}: {counter} must be a whole number >= 0, got {value!r}")
    state, probe = player.get("action_space"), type(generator_of(model))()
    try:
        probe.state = state
    except Exception:  # NumPy raises what it comes upon
        probe = None
    if probe is None or probe.state != state:
        raise ValueError(f"{where}: action_space is not the state of a generator: {state!r}")


def generator_of(model: BaseAlgorithm) -> Any:
    """Return the generator of random actions."""
    return model.action_space.np_random.bit_generator
