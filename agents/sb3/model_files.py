"""Models read from what ``model.save`` and ``IndependentLearners.save`` wrote, without their code.

``PPO.load`` unpickles what a file says its parameters are, and that may be any code.  Here the
algorithm, the widths of its networks and the like are read from the file's plain JSON; a new model
is made of them, for the game that is named; and of the rest only the weights are opened, as tensors
(``torch.load(weights_only=True)``).  What is not plain is refused by name.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from gymnasium.spaces import Discrete
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from mfg_envs.game import check_choice

from ..independent import weights
from ..independent.saved_set import players
from .algorithms import PACKAGES, checked_class
from .normalisation import normalised, set_statistics

POLICIES = (
    ("TRPO", "stable_baselines3.common.policies", "cg_max_steps"),
    ("PPO", "stable_baselines3.common.policies", "n_epochs"),
    ("A2C", "stable_baselines3.common.policies", "normalize_advantage"),
    ("MaskablePPO", "sb3_contrib.common.maskable.policies", "n_epochs"),
    ("DQN", "stable_baselines3.dqn.policies", "exploration_rate"),
    ("QRDQN", "sb3_contrib.qrdqn.policies", "n_quantiles"),
    ("SAC", "stable_baselines3.sac.policies", "target_entropy"),
    ("TD3", "stable_baselines3.td3.policies", "policy_delay"),
)
"""Algorithm, the module of its policies, and an attribute by which it is told from the others."""
PLAIN = {
    *("net_arch", "n_quantiles", "n_critics", "share_features_extractor", "normalize_images"),
    *("ortho_init", "log_std_init", "full_std", "squash_output", "clip_mean"),
}
"""Parameters of policies that are numbers, words or lists."""
UNUSED = {"optimizer_class", "optimizer_kwargs", "use_sde"}
"""Parameters of policies that matter while they learn only, or are told elsewhere, too."""
ACTIVATIONS = {
    f"<class 'torch.nn.modules.activation.{name}'>": getattr(torch.nn, name)
    for name in ("CELU", "ELU", "GELU", "LeakyReLU", "Mish", "ReLU", "SELU", "SiLU", "Tanh")
}
"""How a file writes an activation -> the activation."""
STATISTICS = tuple(f"statistics/observation/{part}" for part in ("mean", "var", "count"))
"""Of a saved player whose model normalises what it sees."""
PYTHON = "score it from Python, where you load it yourself: exact.exploitability(game, model)"


class Told(NamedTuple):
    """What a model's file says of itself in plain JSON.

    Attributes:
        algorithm: Name of its algorithm.
        policy: Parameters of its policy.
        spaces: What it sees and does, as far as that is told: shapes, or numbers of choices.
        normalised: Whether it learned through ``VecNormalize``; None: the file does not tell.
    """

    algorithm: str
    policy: dict[str, Any]
    spaces: tuple[Any, Any]
    normalised: bool | None


def told(path: Path, algorithm: str | None = None) -> Told:
    """Read what a model's file says of itself; nothing that could hold code is opened.

    Args:
        path: The ``.zip`` file.
        algorithm: Its algorithm, where the file does not tell it; None: read it off.

    Raises:
        ValueError: If it is no such file, or says something that is not plain.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            data = json.loads(archive.read("data"))
        if not isinstance(data, dict):
            raise ValueError("its data are no parameters by name")
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except Exception as error:  # zip, zlib and JSON have their own
        words = error or type(error).__name__
        raise ValueError(f"{path} is no model of Stable-Baselines3: {words}") from error
    if data.get("use_sde"):
        raise ValueError(f"{path} draws by use_sde, which is not read from files: {PYTHON}")
    name = _algorithm(path, data) if algorithm is None else algorithm
    check_choice("--algorithm", name, tuple(PACKAGES))
    replayed = "buffer_size" in data  # such models keep what they saw before, normalised or not
    through = None if replayed else data.get("_last_original_obs") is not None
    spaces = _size(data.get("observation_space")), _size(data.get("action_space"))
    return Told(name, _policy(path, data), spaces, through)


def read_model(
    path: Path, env: VecEnv, algorithm: str | None = None, statistics: Path | None = None
) -> BaseAlgorithm:
    """Return the model of a file, that plays in an environment.

    Args:
        path: What ``model.save`` wrote.
        env: Shows what the model was trained on.
        algorithm: Its algorithm, where the file does not tell it.
        statistics: What the ``save`` of its ``VecNormalize`` wrote.

    Raises:
        ValueError: If a file is no such file, says something that is not plain, or is of other
            observations or actions.
    """
    said = told(path, algorithm)
    if said.normalised and statistics is None:
        raise ValueError(
            f"{path} learned through VecNormalize, whose statistics it does not hold: give what"
            " its save wrote, --normalise FILE"
        )
    _check_spaces(path, said, env)
    env = env if statistics is None else normalised(statistics, env)
    return filled(new_model(said, env), path)


def read_set(folder: Path, env: VecEnv) -> dict[str, BaseAlgorithm]:
    """Return the models that ``IndependentLearners.save`` wrote, by the names of their players.

    A model that learned through ``VecNormalize`` gets its saved statistics, behind that wrapper
    with its usual bounds: the set does not tell others.

    Raises:
        ValueError: If there is no such set, or a model of it is of other observations or actions.
    """
    made = {}
    for name, player in players(folder).items():
        check_choice(f"{folder}: the model of {name}", player.kind, tuple(PACKAGES))
        said, kept = told(player.file, player.kind), player.statistics
        around = env
        if set(STATISTICS) <= kept.keys():
            around = VecNormalize(env, training=False)
            mean, var, count = (kept[key] for key in STATISTICS)
            set_statistics(around, mean, var, float(count), str(player.file))
        elif kept and any("/return/" not in key for key in kept):
            raise ValueError(f"{player.file} normalises several observations apart: {PYTHON}")
        _check_spaces(player.file, said, env)
        made[name] = filled(new_model(said, around), player.file)
    return made


def new_model(said: Told, env: VecEnv) -> BaseAlgorithm:
    """Return a new model of the kind that a file tells.

    Raises:
        ValueError: If there is no such model for this environment.
    """
    cls = checked_class(said.algorithm, env.action_space)
    small: dict[str, Any] = {"buffer_size": 1} if issubclass(cls, OffPolicyAlgorithm) else {}
    try:
        return cls("MlpPolicy", env, device="cpu", policy_kwargs=dict(said.policy), **small)
    except Exception as error:  # whatever its parameters lead to
        raise ValueError(f"no {said.algorithm} has the policy {said.policy}: {error}") from error


def filled(model: BaseAlgorithm, path: Path) -> BaseAlgorithm:
    """Return a model with the weights of a file.

    Raises:
        ValueError: If they are of another one.
    """
    try:
        with path.open("rb") as opened:
            model.policy.load_state_dict(weights.read_policy(model, opened))
    except Exception as error:  # a broken file raises anything
        raise ValueError(
            f"{path} does not fit a {type(model).__name__} that plays here: {error}"
        ) from error
    return model


def _check_spaces(path: Path, said: Told, env: VecEnv) -> None:
    """Refuse a model that was trained on other observations or actions."""
    remedies = {
        "sees": "name the parts that it was trained on, --observe state,time say, and parameters of"
        " the game that differ, --set",
        "does": "name the game that it was trained on, --game and --set",
    }
    given: Any = env.observation_space, env.action_space
    for (verb, remedy), own, space in zip(remedies.items(), said.spaces, given, strict=True):
        size = int(space.n) if isinstance(space, Discrete) else space.shape
        if own is not None and own != size:
            words = [
                f"one of {n}" if isinstance(n, int) else f"{n[0]} numbers" for n in (own, size)
            ]
            raise ValueError(f"{path} {verb} {words[0]}, here it is {words[1]}: {remedy}")


def _size(space: Any) -> Any:
    """Return how many choices a space has, or its shape (d,); None: JSON does not tell it."""
    n, shape = (space.get("n"), space.get("_shape")) if isinstance(space, dict) else (None, None)
    if n is not None:
        return int(n) if str(n).isdecimal() else None
    if isinstance(shape, list) and len(shape) == 1 and type(shape[0]) is int:
        return (shape[0],)
    return None


def _algorithm(path: Path, data: Mapping[str, Any]) -> str:
    policy = data.get("policy_class")
    home = policy.get("__module__") if isinstance(policy, dict) else None
    for name, module, attribute in POLICIES:
        if home == module and attribute in data:
            return name
    if home == "sb3_contrib.common.recurrent.policies":
        raise ValueError(f"{path} has a memory (RecurrentPPO), a policy of a game has none")
    raise ValueError(
        f"{path} does not tell its algorithm (its policy is from {home!r}): give --algorithm,"
        f" one of {', '.join(PACKAGES)}"
    )


def _policy(path: Path, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a model's policy."""
    given, found = data.get("policy_kwargs") or {}, {}
    for name, value in given.items() if isinstance(given, dict) else ():
        if name == "activation_fn" and value in ACTIVATIONS:
            found[name] = ACTIVATIONS[value]
        elif name in PLAIN and not isinstance(value, str):
            found[name] = value
        elif name not in UNUSED and not name.startswith(":"):
            raise ValueError(
                f"{path} has policy_kwargs {name}={value!s:.60}, which is not read from files:"
                f" {PYTHON}"
            )
    return found
