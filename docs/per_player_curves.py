"""How models of their own learn by PPO's defaults, and by the settings of the tutorial.

``python docs/per_player_curves.py`` trains both on two games, three seeds each (some 10 minutes of
one core), and draws ``docs/images/sb3_per_player.png``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3 import PPO

from agents import IndependentLearners
from agents.figures.curves import band
from agents.figures.style import OKABE_ITO, figure
from mfg_envs import four_rooms_v0, routing_v0
from mfg_envs.simulate.batch import BatchEnv
from wrappers import NormaliseReward
from wrappers.model_player import ModelPlayer
from wrappers.row_wrapper import RowWrapper

IMAGE = Path(__file__).parent / "images" / "sb3_per_player.png"
STEPS, SEEDS, COPIES, POINTS = 16_000, range(3), 8, 16
PIECES, EPISODES = 2, 64
WAYS = ((0, 0), (0, 1), (1, 0))
"""Which link to take at the origin and at node 2: over the bridge, above, below."""
CORNERS = np.array([[0.05, 0.45], [0.12, 0.45], [0.05, 0.38], [0.12, 0.38]])
"""Points of the first room at which four walkers do not meet."""


def defaults(env: Any) -> Any:
    """PPO as it comes: updates of 2048 steps."""
    return PPO("MlpPolicy", env, n_steps=2048 // COPIES, device="cpu")


def walker(env: Any) -> Any:
    """The tutorial's settings for four rooms."""
    return PPO(
        "MlpPolicy", env, n_steps=32, learning_rate=1e-3, policy_kwargs={"log_std_init": -1.0},
        device="cpu",
    )  # fmt: skip


def traveller(env: Any) -> Any:
    """The tutorial's settings for routing."""
    return PPO(
        "MlpPolicy", env, n_steps=100, batch_size=200, learning_rate=1e-3, gamma=1.0,
        gae_lambda=1.0, device="cpu",
    )  # fmt: skip


class Earned(RowWrapper):
    """Keep the mean reward of every step of every whole episode; all last ``length`` steps."""

    only_rewards = True

    def __init__(self, env: Any) -> None:
        super().__init__(env)
        self.length = env.max_cycles
        self.means: list[float] = []

    @property
    def returns(self) -> Any:
        """Mean return of the players, by episode."""
        whole = len(self.means) // self.length * self.length
        return np.reshape(self.means[:whole], (-1, self.length)).sum(1)

    def _begin(self, seed: int | None) -> None:
        del self.means[len(self.means) // self.length * self.length :]  # was broken off

    def _earn(self, reward: Any, over: Any, acted: Any) -> Any:
        self.means.append(float(reward.mean()))
        return reward


class Case(NamedTuple):
    """A game, and who learns it how.

    Attributes:
        title: Of the picture.
        make: Makes the environment.
        learners: Label -> factory of the players' models, and the discount with which rewards
            are centred and normalised, or None.
        known: Label -> returns that are known.
        gap: What players gain by leaving, given their models, or None.
    """

    title: str
    make: Callable[[], Any]
    learners: dict[str, tuple[Callable[[Any], Any], float | None]]
    known: dict[str, float]
    gap: Callable[[Mapping[Any, Any]], float] | None = None


def curves(case: Case, label: str, seed: int) -> tuple[Any, Any]:
    """Return (steps, mean return of all players), and (steps, mean gap) if the case has one."""
    env = earned = Earned(case.make())
    factory, discount = case.learners[label]
    if discount is not None:
        env = NormaliseReward(env, discount, centre=True)
    player: Any = env.unwrapped
    name = player.game.player_name
    team = IndependentLearners(env, {name: factory}, copies=COPIES, seed=seed)
    gaps = [(0, case.gap(team.models))] if case.gap else []
    for _ in range(PIECES):
        team.learn(STEPS // PIECES, reset_num_timesteps=False)
        if case.gap:
            done = max(model.num_timesteps for model in team.models.values())
            gaps.append((done, case.gap(team.models)))
    returns = earned.returns[: STEPS // COPIES // earned.length]
    parts = np.array_split(np.arange(len(returns)), POINTS)
    at = np.array([part.mean() + 0.5 for part in parts]) * COPIES * earned.length
    returns = np.array([returns[part].mean() for part in parts])
    return (at, returns), np.transpose(gaps)


def gain_of_leaving(models: Mapping[Any, Any]) -> float:
    """Return what a traveller gains by the best of the fixed ways, the mean over all of them.

    It is a lower bound: no way waits at a node for a link to become empty.
    """
    own = travelled(models)
    ways = [travelled(models, who, way).mean(0) for who in range(len(models)) for way in WAYS]
    best = np.reshape([row[i // len(WAYS)] for i, row in enumerate(ways)], (-1, len(WAYS))).max(1)
    return float((best - own.mean(0)).mean())


def travelled(models: Mapping[Any, Any], who: int = 0, way: tuple[int, int] | None = None) -> Any:
    """Return returns (EPISODES, N); traveller ``who`` takes a way: a link at nodes 1 and 2."""
    env = travellers()
    batch = BatchEnv(env.game, EPISODES, len(models), 0, observe=env.batch.observer.parts)
    torch.manual_seed(0)
    seen, legal = batch.reset(0).observation, env.game.legal_actions
    spaces = batch.observer.space, batch.action_space
    players = [ModelPlayer(model, *spaces, EPISODES) for model in models.values()]
    for i, player in enumerate(players):
        player.begin(seen[:, i])
    total = np.zeros((EPISODES, len(players)))
    while True:
        a = np.stack([player.act() for player in players], 1)
        if way is not None:
            can = legal[batch.state[:, who]]
            a[:, who] = np.where(can.all(-1), way[batch.t > 0], can.argmax(-1))
        step = batch.step(a)
        total += step.reward
        if batch.over:
            return total
        for i, player in enumerate(players):
            earned, on = step.reward[:, i], np.zeros(EPISODES, bool)
            player.hear(step.observation[:, i], earned, on, [{}] * EPISODES)


def played(env: Any, act: Callable[[Any, Any], Any], populations: int = 500) -> float:
    """Return the mean return of players who act on private states and a generator."""
    batch = BatchEnv(env.game, populations, len(env.possible_agents), 0)
    batch.reset()
    draw, total = np.random.default_rng(0), 0.0
    while not batch.over:
        total += batch.step(act(batch.state, draw)).reward.mean()
    return total


def walkers() -> Any:
    """Four rooms with 4 walkers."""
    return four_rooms_v0.parallel_env(num_agents=4)


def travellers() -> Any:
    """Braess's roads with 5 travellers."""
    return routing_v0.parallel_env(num_agents=5)


def cases() -> list[Case]:
    """Return the two games, with what is known of them."""
    rooms, roads = walkers(), travellers()
    speed = rooms.game.speed
    return [
        Case(
            "four_rooms, 4 walkers",
            walkers,
            {"PPO's defaults": (defaults, None), "settings of the tutorial": (walker, 0.99)},
            {
                "at random": played(rooms, lambda x, draw: draw.uniform(-speed, speed, x.shape)),
                "each to a place of its own": played(
                    rooms,
                    lambda x, _: np.clip((CORNERS - x) / rooms.game.time_step, -speed, speed),
                ),
            },
        ),
        Case(
            "routing, 5 travellers",
            travellers,
            {"PPO's defaults": (defaults, None), "settings of the tutorial": (traveller, 1.0)},
            {
                "at random": played(roads, lambda x, draw: draw.integers(0, 2, x.shape)),
                "2, 1 and 2 on the ways, nobody waits": -3.57,
            },
            gain_of_leaving,
        ),
    ]


def draw(axis: Any, case: Case, given: dict[str, Any], known: dict[str, float], what: str) -> None:
    """Draw the mean over seeds of every label, its 95 % band, and what is known."""
    for (label, runs), colour in zip(given.items(), OKABE_ITO, strict=False):
        at, values = (np.array(column) for column in zip(*runs, strict=True))
        mean, half, at = values.mean(0), band(values), at.mean(0)
        axis.plot(at, mean, color=colour, linewidth=1.8, label=label)
        axis.fill_between(at, mean - half, mean + half, color=colour, alpha=0.2, linewidth=0)
        first, last = f"{mean[0]:.3f} +- {half[0]:.3f}", f"{mean[-1]:.3f} +- {half[-1]:.3f}"
        print(f"{case.title}, {what}, {label}: from {first} to {last}", flush=True)
    for (label, value), style in zip(known.items(), (":", "--"), strict=False):
        axis.axhline(value, color="black", linestyle=style, linewidth=1, label=label)
        print(f"{case.title}, {what}, {label}: {value:.3f}", flush=True)
    axis.set_title(case.title, fontsize=10)
    axis.set_xlabel("steps of each player")
    axis.set_ylabel(what)
    axis.legend(fontsize=8, frameon=False)
    axis.grid(alpha=0.25)


def main() -> None:
    """Train, and draw."""
    rooms, roads = cases()
    drawn = figure(14.0, 4.2)
    left, middle, right = drawn.subplots(1, 3)
    returns, _ = learned(rooms)
    draw(left, rooms, returns, rooms.known, "mean return")
    returns, gaps = learned(roads)
    draw(middle, roads, returns, roads.known, "mean return")
    draw(right, roads, gaps, {}, "mean gain of who leaves for the best way")
    drawn.tight_layout()
    drawn.savefig(IMAGE, dpi=110)


def learned(case: Case) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the curves of all seeds by label, of returns and of gaps."""
    returns, gaps = {}, {}
    for label in case.learners:
        returns[label], gaps[label] = zip(*(curves(case, label, s) for s in SEEDS), strict=True)
    return returns, gaps


if __name__ == "__main__":
    main()
