"""Kernels, rewards and populations from their definitions, pair by pair: what solvers must give."""

from __future__ import annotations

import numpy as np


def transitions(game, t, m):
    """Return the dense kernel (S, A, S), pair by pair and outcome by outcome."""
    dense = np.zeros((game.num_states, game.num_actions, game.num_states))
    for x, a in np.ndindex(dense.shape[:2]):
        if not game.legal_actions[x, a]:
            dense[x, a, x] = 1
            continue
        for w, p in enumerate(game.noise_law(t, np.int64(x), np.int64(a), m)):
            dense[x, a, game.step(t, np.int64(x), np.int64(a), m, w)] += p
    return dense


def payoffs(game, t, m):
    """Return the rewards (S, A), pair by pair."""
    table = np.zeros((game.num_states, game.num_actions))
    for x, a in np.ndindex(table.shape):
        table[x, a] = game.reward(t, np.int64(x), np.int64(a), m)
    return table


def met_by(game, law, rule):
    """Return the mean field of a population, from the definition."""
    m = np.zeros(game.mean_field_shape)
    for x, a in np.ndindex(rule.shape):
        place = (game.places[x], a) if game.mean_field_of_controls else game.places[x]
        m[place] += law[x] * rule[x, a]
    return m


def random_law(game, seed):
    return np.random.default_rng(seed).dirichlet(np.ones(game.num_states))


def walk(game, policy, num_steps, law=None):
    """Yield (law, mean field, rule) at every step of a population, from the definition."""
    law = game.initial_law if law is None else law
    for t in range(num_steps):
        rule = policy[t] if policy.ndim == 3 else policy
        m = met_by(game, law, rule)
        yield law, m, rule
        law = np.einsum("x,xa,xay->y", law, rule, transitions(game, t, m))
