"""The finite games on which ``mfg-envs reproduce solvers`` runs every exact solver.

Lasry and Lions call a game monotone if ``<J - J', R(J) - R(J')> <= 0`` for the laws J, J' of state
and action of any two policies, R being the rewards in their mean fields.  Rewards ``f(x, a) +
h(m(x))`` with a falling h are; so is what a skew-symmetric interaction adds.  With an end and moves
that do not depend on the crowd, the laws are a polytope, the game is a variational inequality on
it, and much follows (see ``theory``).

For ever it does not.  The mean field is the stationary law of everybody, but a player counts its
discounted future from there: a best response is not a best law.  The contraction game shows that
monotone rewards then do not even make the equilibrium unique: everybody stays, and any share p with
``18 |2 p - 1| <= 2`` in the first place is an equilibrium.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mfg_envs import exact, make_game
from mfg_envs.exact import policies
from mfg_envs.game import Array, FiniteGame
from mfg_envs.numerics import random

from . import theory

SAMPLED_PAIRS = 20
"""Pairs of random policies on which monotonicity is checked."""
EVEN = 1e-9
"""Exploitability below which a policy is an equilibrium."""


class Case(NamedTuple):
    """A game of the study.

    Attributes:
        label: What it is called in the tables.
        name: Name in the registry.
        parameters: Of the game.
        kind: What is known of it, one of ``theory.KINDS``.
        why: Why that is so, or why nothing is known.
    """

    label: str
    name: str
    parameters: dict[str, Any]
    kind: str
    why: str

    def game(self) -> FiniteGame:
        """Return the game."""
        return make_game(self.name, **self.parameters)


LOG = "separable: minus the logarithm of the density"
LINEAR = "separable: linear and falling in the density"
SPECIES = f"{LOG}; skew-symmetric between the species"
DISCOUNTED = "monotone rewards, but for ever"
WISH = "the crowd changes the wanted speed"
MOVED = "the crowd moves the players"
KINETIC = f"{MOVED} (for ever, it settles in no 10^7 steps under many a policy)"
EVENLY = "all cells are alike: an even crowd stays even"

FAMILIES = {
    "The crowd does not matter": (
        Case("no crowd", "no_interaction_chain", {}, "alone", "rewards ignore the crowd"),
        Case("contract.", "contraction_game", {}, "mirrored", "both places are alike"),
        Case("separable", "ring_road", {"reward": "separable"}, "mirrored", EVENLY),
        Case("lwr", "ring_road", {"reward": "lwr"}, "mirrored", EVENLY),
        Case("non-separ.", "ring_road", {"reward": "non_separable"}, "mirrored", EVENLY),
    ),
    "Monotone, with an end": (
        Case("left right", "left_right", {}, "choice", "separable: linear, paid after one choice"),
        Case("beach bar", "beach_bar_grid", {}, "monotone", LOG),
        Case("ring crowd", "crowd_modelling", {}, "monotone", LOG),
        Case("torus", "crowd_modelling", {"geometry": "torus"}, "monotone", LOG),
        Case("chain, 20", "lasry_lions_chain", {"horizon": 20}, "monotone", LINEAR),
    ),
    "Monotone, with an end: rooms and species": (
        Case("rooms 13", "four_rooms_grid", {}, "monotone", LOG),
        Case("maze", "four_rooms_grid", {"layout": "maze"}, "monotone", LOG),
        Case("open torus", "four_rooms_grid", {"layout": "torus"}, "monotone", LOG),
        Case("3 species", "predator_prey", {}, "monotone", SPECIES),
        Case("4 species", "predator_prey", {"num_populations": 4}, "monotone", SPECIES),
    ),
    "With an end, not monotone": (
        Case(
            *("congestion", "crowd_modelling", {"with_congestion": True}, "open"),
            "moves cost more in a crowd: not separable",
        ),
        Case("crowd LQ", "crowd_lq", {}, "open", "players want to be where the others are"),
        Case("routing", "routing", {}, "open", MOVED),
        Case("kinetic", "kinetic_congestion", {"horizon": 50}, "open", KINETIC),
    ),
    "For ever": (
        Case("chain", "lasry_lions_chain", {}, "open", DISCOUNTED),
        Case("two bars", "two_bar_coordination", {}, "open", "players want company"),
        Case("RPS", "rock_paper_scissors", {}, "open", "skew-symmetric, and for ever"),
        Case("rooms 11", "four_rooms_grid", {"layout": "11x11"}, "open", DISCOUNTED),
        Case("flocking", "flocking", {}, "open", "players want the others ahead"),
    ),
    "For ever, on roads": (
        Case("ring, min", "ring_road", {}, "open", WISH),
        Case("ring, add.", "ring_road", {"reward": "additive"}, "open", WISH),
        Case("Sioux F.", "routing_cycle", {}, "open", DISCOUNTED),
        Case(
            *("Braess", "routing_cycle", {"cost": "bpr", "network": "braess"}, "open"),
            "a potential of whole trips, not of discounted steps",
        ),
    ),
    "For ever, moved by the crowd": (
        Case("SIS", "sis", {}, "open", MOVED),
        Case("SIS, two", "sis", {"setting": "two_actions"}, "open", MOVED),
        Case("garnet", "mf_garnet", {}, "open", MOVED),
    ),
}
"""Title of a table -> its games."""
QUICK = ("no crowd", "left right", "ring crowd", "crowd LQ", "two bars", "SIS")
"""Games of the quick form."""


def first_policy(game: FiniteGame) -> Array:
    """Return where solvers start: all actions alike; if that is an equilibrium, unevenly.

    Returns:
        The uniform policy, or the one that plays the j-th action in proportion to j, (T, S, A) or
        (S, A).
    """
    policy = policies.uniform(game)
    if exact.exploitability(game, policy) > EVEN:
        return policy
    weights = policy * np.arange(1, game.num_actions + 1)
    return weights / weights.sum(-1, keepdims=True)


def unit(game: FiniteGame, policy: Array) -> float:
    """Return what the choice of an action is worth, in units of q, to three digits.

    It is what the best legal action earns more than the worst one, in the mean over those who
    follow the policy, at the time at which this is most.
    """
    law = exact.law_met(game, policy)
    q = exact.action_values(game, law, policy)
    legal = game.legal_actions
    spread = np.where(legal, q, -np.inf).max(-1) - np.where(legal, q, np.inf).min(-1)
    states = law.sum(-1) if game.mean_field_of_controls else law
    return float(f"{(states * spread).sum(-1).max():.3g}")  # no last digits of some machine


def sampled_pairing(game: FiniteGame) -> float:
    """Return the largest ``theory.pairing`` of random policies; 0 if rewards ignore the crowd."""
    shape = policies.uniform(game).shape
    key, sampled = random.seed_key(0), []
    for pair in range(SAMPLED_PAIRS):
        drawn = []
        for which in range(2):
            own = random.subkey(random.subkey(key, pair), which)
            u = random.uniform(own, int(np.prod(shape))).reshape(shape)
            weights = game.legal_actions * (1 - u) ** -3.0  # heavy tails: far from even
            drawn.append(weights / weights.sum(-1, keepdims=True))
        sampled.append(theory.pairing(game, *drawn))
    return max(sampled)
