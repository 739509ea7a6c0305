"""What learners among N players reach after as many steps of the environment, and what it costs.

In a step all N players move at once; steps at random that tell a learner what rewards are like
count, too.  So independent players learn from as many transitions each, however many they are,
and those who share networks from N times as many.  All know their own state and the time alone
(with ``MeanFieldQ`` also the mean action of the step before), and what they do is scored in the
limit of infinitely many players, exactly: 10 players need not be near an equilibrium of that game
even where none of them can gain anything.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from mfg_envs import exact, make_game, policies
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import Array, FiniteGame

from ....n_players.independent_q import IndependentQ
from ....n_players.mean_field_actor_critic import MeanFieldActorCritic
from ....n_players.mean_field_q import MeanFieldQ
from ..kept_numbers import KeptNumbers

PLAN = ("#######", "#  #  #", "#     #", "## # ##", "#  #  #", "#     #", "#######")
"""Four small rooms."""
PASSES, PARTS = 8, 5
"""Of PPO: how often it goes through a rollout, in how many minibatches."""


class Setting(NamedTuple):
    """What is compared, and how long it learns.

    Attributes:
        games: By title.
        sizes: Numbers of players.
        seeds: Of every learner.
        steps: Steps of the environment.
        every: Steps between two updates of those who learn from rollouts or replay.
    """

    games: dict[str, FiniteGame]
    sizes: tuple[int, ...]
    seeds: int
    steps: int
    every: int


class Result(NamedTuple):
    """What a learner reached.

    Attributes:
        game: Title of the game.
        learner: Its name.
        players: Their number.
        exploitability: In the limit, by seed.
        seconds: Of a processor, by seed, without compilation.
    """

    game: str
    learner: str
    players: int
    exploitability: list[float]
    seconds: list[float]


def setting(quick: bool = False) -> Setting:
    """Return what is compared; ``quick`` plays a few steps of small populations."""
    games = {
        "SIS": make_game("sis", setting="two_actions"),
        "ring road": make_game("ring_road", num_cells=10, num_speeds=5),
        "four rooms": make_game("four_rooms_grid", plan=PLAN, horizon=12, floor=0.01),
    }
    if quick:
        return Setting(games, (3,), 2, 20, 10)
    return Setting(games, (10, 100, 1000), 2, 5000, 100)


def learners(chosen: Setting, num_players: int) -> dict[str, Any]:
    """Return our learners by name, each of which plays as many steps."""
    rounds = {"iterations": chosen.steps // chosen.every - 1, "num_steps": chosen.every}
    known: tuple[Any, ...] = (IndependentQ, MeanFieldQ, MeanFieldActorCritic)
    return {cls.__name__: cls(num_players=num_players, **rounds) for cls in known}


def study(chosen: Setting, told: Callable[[str], Any], kept: KeptNumbers) -> list[Result]:
    """Run everything that is not kept, one seed of everything after the other."""
    found: dict[tuple[str, str, int], list[list[float]]] = {}
    for seed in range(chosen.seeds):
        for title, game in chosen.games.items():
            for N in chosen.sizes:
                for name in (*learners(chosen, N), "PPO"):
                    told(f"{title}: {name}, {N} players, seed {seed}")
                    label = f"{name}, {game!r}, {N} players, {chosen.steps} steps, seed {seed}"
                    row = kept.row(label, lambda: _measure(chosen, name, game, N, seed))  # noqa: B023  at once
                    found.setdefault((title, name, N), []).append(row)
    return [Result(*case, *map(list, zip(*rows, strict=True))) for case, rows in found.items()]


def _measure(chosen: Setting, name: str, game: FiniteGame, N: int, seed: int) -> tuple[float, ...]:
    """Return the exploitability that a learner reaches, and the seconds that it takes."""
    if name == "PPO":
        policy, seconds = shared_ppo(chosen, game, N, seed)
    else:
        learner = learners(chosen, N)[name]
        for _ in replace(learner, iterations=1, num_steps=2).learn(game):
            pass  # loops are compiled now
        begun = time.process_time()
        *_, last = learner.learn(game, seed)
        policy, seconds = last.policy, time.process_time() - begun
    return exact.exploitability(game, policy), seconds


def shared_ppo(chosen: Setting, game: FiniteGame, N: int, seed: int) -> tuple[Array, float]:
    """Return the table of one PPO model that all players share, and the seconds to train it."""
    from stable_baselines3 import PPO
    from stable_baselines3.common.vec_env import VecNormalize

    from wrappers import SharedPolicyVecEnv

    from ....runs.torch_state import GlobalRandomness, one_thread

    seen = ("state",) if game.horizon is None else ("state", "time")
    env = SharedPolicyVecEnv(PopulationEnv(game, N, observe=seen))
    begun = time.process_time()
    with GlobalRandomness(seed), one_thread():
        model = PPO(
            "MlpPolicy",
            VecNormalize(env, norm_obs=False, gamma=game.discount),
            n_steps=chosen.every,
            batch_size=N * chosen.every // PARTS,
            n_epochs=PASSES,
            learning_rate=1e-3,
            ent_coef=0.01,
            gamma=game.discount,
            seed=seed,
            device="cpu",
        )
        model.learn(chosen.steps * N)
        seconds = time.process_time() - begun
        return policies.tabulate(model, game), seconds
