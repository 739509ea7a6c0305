"""How good a policy is, how near two crowds are, and what a crowd earns: numbers to trust.

Beside ``exact.exploitability``, for any finite game (with or without an end, with a mean field of
controls, illegal actions, several populations) unless it says otherwise:

============================  =====================================================================
regularised_exploitability    best gain in the game with a bonus for entropy, or for nearness to a
                              reference policy; ``soft_action_values``, ``soft_best_response``
nash_gap                      what one of N players gains at best, if all follow one policy
team_gap                      what each of N players gains who have a model each; of continuous
                              games, too, by a learned response
grid_exploitability           of a continuous game in one or two dimensions, walls or not: crowd
                              and response on grids, refined until the number stands still
approximate_exploitability    of a continuous game in one or two dimensions: a lower bound with its
                              interval of confidence, and an estimate; ``simulated_gain`` plays any
                              response, in any dimension; ``grid_response``, ``simulated_flow``
flow_distance                 of two flows at every time: total variation, W1; of any laws:
                              ``total_variation``, ``wasserstein_line``, ``wasserstein_ring``,
                              ``wasserstein`` (any costs; ``grid_steps``: around walls), and of
                              samples of numbers: ``wasserstein_samples``
welfare                       what an average player earns; ``altruistic``: the game whose
                              equilibrium is the social optimum, ``price_of_anarchy``,
                              ``travel_cost`` (of a trip in static traffic assignment)
============================  =====================================================================

``agents.run`` takes metrics as functions of the game and an iterate::

    run(OnlineMirrorDescent(), game, metrics={
        "soft": lambda game, i: metrics.regularised_exploitability(game, i.policy, 0.1),
        "W1": lambda game, i: metrics.flow_distance(game, i.mean_field, known).max(),
        "welfare": lambda game, i: metrics.welfare(game, i.policy),
    })
"""

from mfg_envs.metrics.approximation import (
    Approximation,
    Gain,
    approximate_exploitability,
    simulated_flow,
    simulated_gain,
)
from mfg_envs.metrics.distances import (
    flow_distance,
    grid_steps,
    total_variation,
    wasserstein,
    wasserstein_line,
    wasserstein_ring,
    wasserstein_samples,
)
from mfg_envs.metrics.exploitability_on_grid import GridExploitability, grid_exploitability
from mfg_envs.metrics.gap_of_models import PlayerGap, Seat, TeamGap, team_gap
from mfg_envs.metrics.gap_of_n_players import NashGap, nash_gap
from mfg_envs.metrics.regularised import (
    regularised_exploitability,
    soft_action_values,
    soft_best_response,
)
from mfg_envs.metrics.response_on_grid import GridResponse, grid_response
from mfg_envs.metrics.social_optimum import altruistic, price_of_anarchy, travel_cost, welfare

__all__ = [
    "Approximation",
    "Gain",
    "GridExploitability",
    "GridResponse",
    "NashGap",
    "PlayerGap",
    "Seat",
    "TeamGap",
    "altruistic",
    "approximate_exploitability",
    "flow_distance",
    "grid_exploitability",
    "grid_response",
    "grid_steps",
    "nash_gap",
    "price_of_anarchy",
    "regularised_exploitability",
    "simulated_flow",
    "simulated_gain",
    "soft_action_values",
    "soft_best_response",
    "team_gap",
    "total_variation",
    "travel_cost",
    "wasserstein",
    "wasserstein_line",
    "wasserstein_ring",
    "wasserstein_samples",
    "welfare",
]
