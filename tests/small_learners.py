"""Every learner made small, and something small that it learns from."""

from __future__ import annotations

from pettingzoo import ParallelEnv

from mfg_envs import make_game
from mfg_envs.game import ContinuousGame, TeamGame
from mfg_envs.games.roads.routing_cycle import TrafficAssignment
from mfg_envs.registry import environment_class

SHORT = {"response_steps": 64, "response_updates": 2, "response_batch": 16, "num_players": 4}
DEEP = {**SHORT, "crowd": 20, "hidden": (4,)}
CLONED = {**DEEP, "triples": 40, "clone_steps": 2, "clone_batch": 8}
SMALL = {
    "BatchedIndependentPPO": {"num_steps": 8},
    "AveragePolicyFictitiousPlay": CLONED,
    "DedaFP": {**CLONED, "trajectories": 20, "flow_steps": 2, "flow_batch": 8},
    "IndependentSB3": {"total_timesteps": 48, "n_steps": 8, "batch_size": 8, "net_arch": (4,)},
    "PolicyMirrorAscent": {"num_players": 5, "td_steps": 10},
    "QMIteration": {"inner_steps": 5},
    "SampledFixedPointIteration": {"inner_steps": 5},
    "SemiSGD": {"inner_steps": 5},
    "SimpleFictitiousPlay": DEEP,
    "SubsampleMFQ": {"k": 2, "num_samples": 2},
}
"""What makes a learner small, by name."""
PLAYERS = 3
"""In the environment of a learner that plays in one."""


def game_of(cls):
    """Return the name and the parameters of a small game that a class of learners learns from."""
    kind = cls.learns[0]
    if kind is ContinuousGame:
        return "linear_quadratic", {"horizon": 3}
    if kind is TrafficAssignment:
        return "routing_cycle", {"cost": "bpr"}
    return ("dispatcher" if kind is TeamGame else "sis"), {}


def source_of(cls):
    """Return that game, or an environment of it for learners that play in one."""
    name, parameters = game_of(cls)
    game = make_game(name, **parameters)
    return environment_class(game.kind)(game, PLAYERS) if ParallelEnv in cls.learns else game


def library_of(cls):
    """Return the library that a class of learners needs beside NumPy, or None."""
    kind = cls.learns[0]
    return {ParallelEnv: "stable_baselines3", ContinuousGame: "zuko"}.get(kind)
