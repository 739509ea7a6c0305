"""The learning curve on the page of a learner: a run of seconds, made while the pages are built."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import agents
from agents.figures import learning_curves
from agents.runs.running import Metric, value_exploitability
from agents.subsample.value import surrogate_value
from mfg_envs import exact, make_game, metrics, policies, ring_road_v0
from mfg_envs.game import FiniteGame


class Curve(NamedTuple):
    """What is run and measured.

    Attributes:
        sources: Label -> a game or an environment, made anew.
        metric: What is measured, in words.
        value: The measurement.
        settings: Of the learner, where they are not its defaults.
        seed: One seed, or several side by side.
        every: Iterations between two measurements.
        x: "iterations" or "samples".
    """

    sources: dict[str, Callable[[], Any]]
    metric: str = "exploitability"
    value: Metric = value_exploitability
    settings: dict[str, Any] = {}  # noqa: RUF012  read only
    seed: int | Sequence[int] = 0
    every: int = 2
    x: str = "iterations"


def greedy_exploitability(game: Any, iterate: agents.Iterate) -> float:
    """Return the exploitability of the greedy policy of what was learned."""
    return exact.exploitability(game, policies.greedy(iterate.q, game.legal_actions))


def regularised_exploitability(game: Any, iterate: agents.Iterate) -> float:
    """Return the exploitability in the game that pays for entropy as policy mirror ascent does."""
    weight = agents.PolicyMirrorAscent().temperature
    return metrics.regularised_exploitability(game, iterate.policy, weight)


EXACT = Curve(
    {
        "left_right": lambda: make_game("left_right"),
        "crowd_modelling": lambda: make_game("crowd_modelling"),
        "predator_prey": lambda: make_game("predator_prey"),
    },
    settings={"iterations": 100},
)
"""Of a learner of finite games that is given nothing else."""
ONLINE = Curve(
    {"ring_road": lambda: make_game("ring_road")},
    *("exploitability of the greedy policy", greedy_exploitability),
    settings={"iterations": 200},
    seed=range(4),
    every=10,
    x="samples",
)
TEAM = Curve(
    {"dispatcher, k = 4": lambda: make_game("dispatcher")},
    *("value of a team of k", surrogate_value),
    settings={"k": 4, "iterations": 100},
)
NETWORKS = Curve(
    {"crowd_modelling": lambda: make_game("crowd_modelling")}, settings={"iterations": 20}
)
AMONG_N = Curve({"ring_road, 10 cells": lambda: make_game("ring_road", num_cells=10, num_speeds=5)})
CURVES = {
    "BatchedIndependentPPO": Curve(
        {"20 drivers, 8 copies": lambda: ring_road_v0.parallel_env(num_agents=20, max_cycles=50)},
        *("mean reward of a step", lambda env, iterate: float(iterate.q.mean())),
        settings={"iterations": 30, "copies": 8},
        every=1,
        x="samples",
    ),
    "DeepFictitiousPlay": NETWORKS,
    "DeepMunchausenOMD": NETWORKS,
    "FrankWolfe": Curve(
        {"Sioux Falls": lambda: make_game("routing_cycle", cost="bpr")},
        *("cost of a trip", lambda game, i: metrics.travel_cost(game, i.mean_field)),
        settings={"iterations": 40},
    ),
    "MeanFieldPPO": NETWORKS,
    "IndependentQ": AMONG_N._replace(settings={"num_players": 1000}, x="samples"),
    "MeanFieldActorCritic": AMONG_N._replace(settings={"iterations": 20}, x="samples"),
    "MeanFieldQ": AMONG_N._replace(settings={"iterations": 20}, x="samples"),
    "PolicyMirrorAscent": Curve(
        {"sis, two actions": lambda: make_game("sis", setting="two_actions")},
        *("regularised exploitability", regularised_exploitability),
        settings={"num_players": 1000, "iterations": 20},
        x="samples",
    ),
    "QMIteration": ONLINE,
    "SampledFixedPointIteration": ONLINE,
    "SemiSGD": ONLINE,
    "SubsampleMFQ": TEAM,
}
"""Learner -> its curve, where it is not one on exact models."""


def curve_of(learner: Any) -> Curve | None:
    """Return what is run for a learner, or None: it takes longer than a build of the pages may."""
    exact_model = learner.learns == (FiniteGame,) and not getattr(learner, "random", True)
    return CURVES.get(learner.__name__, EXACT if exact_model else None)


def draw(learner: Any, curve: Curve) -> bytes:
    """Run a learner and draw its learning curve, as SVG."""
    from matplotlib import rc_context

    made = learner(**curve.settings)
    runs = {
        label: agents.run(
            *(made, source(), curve.seed),
            metrics={curve.metric: curve.value},
            every=curve.every,
            progress=False,
        )
        for label, source in curve.sources.items()
    }
    file = io.BytesIO()
    with rc_context({"svg.hashsalt": "mfg-envs", "svg.fonttype": "none"}):
        drawn = learning_curves(runs, curve.metric, curve.x)
        drawn.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
