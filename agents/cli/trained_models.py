"""Models from files, as ``mfg-envs evaluate`` scores them: one for all players, or one a player."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from mfg_envs.players.policy import Policy
from mfg_envs.registry import environment_class
from mfg_envs.simulate.acting import as_policy, mixture

PLAYERS = 2
"""In the environment in which models are read."""


class Trained(NamedTuple):
    """What was read.

    Attributes:
        words: What it is.
        policy: What all players follow: the model, or the mixture of the models of all.
        models: The model of every player by name; none: all follow the same.
        note: What is to be said of it, or nothing.
    """

    words: str
    policy: Policy
    models: dict[str, Any]
    note: str


def holds_models(path: Path) -> bool:
    """Return whether a path is a model's file or the folder of a set of models, and no run."""
    return path.suffix == ".zip" or (path / "set.json").exists()


def trained(
    path: Path,
    game: Any,
    observe: Sequence[str] | None = None,
    algorithm: str | None = None,
    statistics: Path | None = None,
) -> Trained:
    """Read a model, or a set of them, for a game; no code in the files is run.

    Args:
        path: What ``model.save`` wrote, or the folder of ``IndependentLearners.save``.
        game: The game.
        observe: What the models see, see ``Observer``; None: the parts by default.
        algorithm: Of a single model, where its file does not tell it.
        statistics: Of a single model: what the ``save`` of its ``VecNormalize`` wrote.

    Raises:
        ValueError: If they cannot be read, are of other observations or actions, or the players of
            the game are not of one kind.
        ImportError: If Stable-Baselines3 is missing.
    """
    if game.kind == "team":
        raise ValueError(f"{game.name} is a team game, models are scored in finite and continuous")
    try:
        from wrappers import SharedPolicyVecEnv

        from ..sb3 import model_files
    except ImportError as error:
        raise ImportError(f'{path} needs Stable-Baselines3: pip install "mfg-envs[sb3]"') from error
    view: Any = environment_class(game.kind)
    env = SharedPolicyVecEnv(view(game, PLAYERS, observe=observe))
    seen = env.observed_parts
    if not path.is_dir():
        model = model_files.read_model(path, env, algorithm, statistics)
        kind, note = type(model).__name__, ""
        if model_files.told(path, algorithm).normalised is None and statistics is None:
            note = f"{kind} files do not tell of VecNormalize: if there was one, --normalise FILE"
        return Trained(f"{path.name}, {kind}", as_policy(game, model, observe=seen), {}, note)
    if algorithm is not None or statistics is not None:
        raise ValueError(f"{path} is a set of models, which tells both --algorithm and --normalise")
    models = model_files.read_set(path, env)
    each = [as_policy(game, model, observe=seen) for model in models.values()]
    kinds = sorted({type(model).__name__ for model in models.values()})
    words = f"{len(models)} models of {path.name}, {' and '.join(kinds)}"
    scaled = any(model.get_vec_normalize_env() is not None for model in models.values())
    note = "Observations are normalised by saved statistics, clipped at 10 as usual" * scaled
    return Trained(words, mixture(game, each), models, note)
