"""What players of an environment do: by chance, in equilibrium, or as a saved run has learned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mfg_envs import exact
from mfg_envs.exact import policies
from mfg_envs.exact.discretise import GridPolicy, discretise
from mfg_envs.game import FiniteGame
from mfg_envs.simulate.acting import as_policy

from ..runs.iterate import Iterate
from ..runs.saved import SavedRun, load_runs
from ..solvers.fictitious_play import FictitiousPlay
from ..solvers.online_mirror_descent import OnlineMirrorDescent
from ..sweep.in_environment import InEnvironment
from ..sweep.jobs import FILES
from .evaluation import playable

SOLVER_ITERATIONS = 100
"""Of each exact solver that looks for an equilibrium."""
NEAR = 1e-6
"""Exploitability that is good enough."""
WIDE = 1.0
"""Largest random action where actions have no bound."""

Act = Callable[[Any, dict[str, Any]], dict[str, Any]]
"""Takes an environment and what its agents see; returns an action for each."""


class Actors(NamedTuple):
    """What everybody does, and what there is to say about it."""

    act: Act
    words: str


def actors(name: str, game: Any, saved: SavedRun | None, seed: int) -> Actors:
    """Return what the players of a game do.

    Args:
        name: "random", "equilibrium", or where ``saved`` comes from.
        game: The game.
        saved: A run whose policy is played, or None.
        seed: Of the actions.

    Raises:
        ValueError: If there is no such policy for this game.
    """
    if saved is not None:
        iterate = saved.iterates[0]
        words = f"{saved.learner_name}, seed {saved.seeds[0]}, iteration {iterate.iteration}"
        if isinstance(saved.learner, InEnvironment):
            return Actors(_Networks(saved.learner.learner, iterate), words)
        return Actors(_following(game, playable(saved, iterate, seed)), words)
    if name == "equilibrium":
        policy, words = _equilibrium(game)
        return Actors(_following(game, policy), words)
    return Actors(_random(game, np.random.default_rng(seed)), "random")


def saved_policy(path: Path, own: Sequence[type] = ()) -> SavedRun:
    """Return the run of a folder, or of one of its files; of several the one of the first seed."""
    if not path.is_dir() and not (path.is_file() and path.name in FILES):
        raise ValueError(f"--policy must be random, equilibrium or the folder of a run, got {path}")
    return load_runs(path if path.is_dir() else path.parent, own)[0]


def _random(game: Any, generator: np.random.Generator) -> Act:
    """Draw every legal action with the same chance; bounded ones evenly."""
    if game.kind == "finite":
        return _following(game, policies.uniform(game))

    def act(env: Any, seen: dict[str, Any]) -> dict[str, Any]:
        if game.kind == "team":
            sizes = [env.action_spaces[agent].n for agent in env.agents]
            return dict(zip(env.agents, generator.integers(sizes).tolist(), strict=True))
        low, high = (np.array(bound) for bound in (game.action_low, game.action_high))
        low, high = np.where(np.isfinite(low), low, -WIDE), np.where(np.isfinite(high), high, WIDE)
        a = generator.uniform(low, high, (len(env.agents), len(low)))
        return dict(zip(env.agents, a, strict=True))

    return act


def _following(game: Any, policy: Any) -> Act:
    """Let everybody follow one policy, drawn as ``BatchEnv.rollout`` draws it."""
    played = as_policy(game, policy)

    def act(env: Any, seen: dict[str, Any]) -> dict[str, Any]:
        a = played.actions(env.batch)
        if game.kind == "team":
            a = np.concatenate([a[0][:, None], a[1]], 1)
        elif game.kind == "continuous":
            a = np.clip(a, game.action_low, game.action_high)
        return dict(zip(env.agents, a[0] if a.ndim > 2 else a[0].tolist(), strict=True))

    return act


class _Networks:
    """Every player has a network of its own, which looks at the player's observation."""

    def __init__(self, learner: Any, iterate: Iterate) -> None:
        if not hasattr(learner, "player"):
            raise ValueError(
                f"{type(learner).__name__} does not tell what its players do: define"
                " player(env, iterate, name), a function of observations"
            )
        self.learner, self.iterate, self.players = learner, iterate, dict[str, Any]()

    def __call__(self, env: Any, seen: dict[str, Any]) -> dict[str, Any]:
        if not self.players:
            num = len(self.iterate.policy)
            if num != len(env.agents):
                raise ValueError(f"{num} players have learned: --agents must be {num}")
            self.players = {name: self.learner.player(env, self.iterate, name) for name in seen}
        return {name: self.players[name](np.asarray(row)[None])[0] for name, row in seen.items()}


def _equilibrium(game: Any) -> tuple[Any, str]:
    """Return the least exploitable policy that exact solvers find, and what to say about it."""
    if game.kind == "team":
        raise ValueError(
            f"{game.name} is a team game, it has no equilibrium: mfg-envs train SubsampleMFQ"
            f" {game.name}, then --policy results/SubsampleMFQ_{game.name}"
        )
    grid = game
    if game.kind == "continuous":
        if game.state_dim > 1 or not np.isfinite([*game.action_low, *game.action_high]).all():
            raise ValueError(
                f"--policy equilibrium needs a finite game, or one state and bounded actions;"
                f" {game.name} has neither: train a policy"
            )
        grid = discretise(game)
    best, policy = np.inf, np.empty(0)
    for iterate in _solve(grid):
        gap = exact.exploitability(grid, iterate.policy)
        if gap < best:
            best, policy = gap, np.array(policies.over_states(grid, iterate.policy))
        if best < NEAR:
            break
    words = f"equilibrium (exploitability {best:.2g}{' on a grid' if grid is not game else ''})"
    return (policy if grid is game else GridPolicy(grid, policy)), words


def _solve(game: FiniteGame) -> Iterator[Iterate]:
    for solver in (OnlineMirrorDescent, FictitiousPlay):
        yield from solver(iterations=SOLVER_ITERATIONS).learn(game)
