"""An environment is put on trial: the same episode is played again and again, and compared."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.testing.contract import ContractError, require


class Frame(NamedTuple):
    """What one step gives, keyed by agent, and who is alive then; a reset gives three of them."""

    observations: dict[Any, Any]
    rewards: dict[Any, Any]
    terminations: dict[Any, Any]
    truncations: dict[Any, Any]
    infos: dict[Any, dict[Any, Any]]
    agents: list[Any]


class Trial(NamedTuple):
    """An environment on trial.

    Attributes:
        env: The environment.
        seed: Of the environment and of the actions.
        num_steps: Most steps of an episode that are played.
        random: Whether there is any chance in the game.
        reference: Copies of what came back: from the reset, then from each step.
    """

    env: Any
    seed: int
    num_steps: int
    random: bool
    reference: list[Frame]


def play(
    trial: Trial,
    seed: int | None,
    *,
    before: Callable[[dict[Any, Any]], object] = lambda actions: None,
    turn: Callable[[dict[Any, Any]], dict[Any, Any]] = dict,
    after: Callable[[Frame], object] = lambda frame: None,
) -> list[Frame]:
    """Play an episode of random actions, the same ones every time; return copies of the frames.

    Args:
        trial: What is played.
        seed: Of the reset; None: the next episode of the stream.
        before: Called with the actions of a step before they are played.
        turn: What is done to the actions.
        after: Called with every frame itself once it was copied.
    """
    env, draw = trial.env, actor(trial)
    observations, infos = env.reset() if seed is None else env.reset(seed=seed)
    frame = Frame(observations, {}, {}, {}, infos, env.agents)
    frames = [snapshot(frame)]
    after(frame)
    while env.agents and len(frames) <= trial.num_steps:
        actions = draw(env.agents, frames[-1].observations)
        before(actions)
        frame = Frame._make((*env.step(turn(actions)), env.agents))
        frames.append(snapshot(frame))
        after(frame)
    return frames


def actor(trial: Trial) -> Callable[[list[Any], dict[Any, Any]], dict[Any, Any]]:
    """Return a function (agents, observations) -> actions; every actor draws the same ones."""
    own: dict[int, Any] = {}

    def draw(agents: list[Any], observations: dict[Any, Any]) -> dict[Any, Any]:
        actions = {}
        for agent in agents:
            space, seen = trial.env.action_space(agent), observations[agent]
            if id(space) not in own:
                own[id(space)] = copy.deepcopy(space)
                own[id(space)].seed(trial.seed + len(own))
            mask = seen.get("action_mask") if isinstance(seen, dict) else None
            actions[agent] = own[id(space)].sample(mask)
        return actions

    return draw


def snapshot(frame: Frame) -> Frame:
    """Return a copy of a frame that nobody else can change."""
    return Frame(*map(_copied, frame))


def scribble(frame: Frame) -> None:
    """Write into a frame as a careless caller may."""
    for seen in frame.observations.values():
        if isinstance(seen, np.ndarray) and seen.flags.writeable:
            seen.fill(0)
    for entries in (frame.observations, frame.rewards, frame.terminations, frame.truncations):
        entries["__all__"] = True


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | list):
        return value.copy()
    return value if isinstance(value, str | int | float | np.generic) else copy.deepcopy(value)


def same(one: Any, two: Any) -> bool:
    """Return whether two results are the same to the bit and the type."""
    if isinstance(one, np.ndarray | np.generic):
        alike = isinstance(two, np.ndarray | np.generic) and one.dtype == two.dtype
        return alike and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, dict):
        return (
            isinstance(two, dict)
            and one.keys() == two.keys()
            and all(same(one[key], two[key]) for key in one)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(two) and all(map(same, one, two))
    return type(one) is type(two) and (one == two or one != one)


def require_same(got: list[Frame], want: list[Frame], reason: str) -> None:
    """Require that two episodes are the same; ``reason`` ends the sentence."""
    for step, frames in enumerate(zip(got, want, strict=False)):
        for what, one, two in zip(Frame._fields, *map(tuple, frames), strict=True):
            if not same(one, two):
                known = isinstance(one, dict) and isinstance(two, dict)
                names = [n for n in two if not same(one.get(n), two[n])] if known else []
                whose = f" of {names[0]!r}" if names else ""
                raise ContractError(f"{what}{whose} at step {step} are not the same: {reason}")
    lengths = (len(got) - 1, len(want) - 1)
    require(lengths[0] == lengths[1], f"episodes last {lengths} steps: {reason}")
