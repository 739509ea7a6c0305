"""The compiled sweep of MF-OMO; its oracle is the sweep in ``mfomo_objective``.

The state is the innermost axis: occupation measures, policies and action values are [t, a, s].
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from mfg_envs.exact.sensitivity import STEP
from mfg_envs.game import FiniteGame
from mfg_envs.numerics.compiler import methods


@functools.cache
def compiled_sweep(game_class: type[FiniteGame]) -> Callable[..., bool]:
    """Compile the sweep for a class of games."""
    view, noise_law, step, reward, jit = methods(game_class)
    controls = game_class.mean_field_of_controls

    @jit
    def tabulate(game, t, m, legal, nxt, prob):
        """Fill the tables of moves; False if one leads nowhere."""
        A, K, S = prob.shape
        for a in range(A):
            for s in range(S):
                if legal[a, s]:
                    chances = noise_law(game, t, s, a, m)
                    for w in range(K):
                        y = step(game, t, s, a, m, w)
                        if not (y >= 0 and y < S):
                            return False
                        prob[a, w, s], nxt[a, w, s] = chances[w], y
                else:
                    for w in range(K):
                        prob[a, w, s], nxt[a, w, s] = w == 0, s
        return True

    @jit
    def push(nxt, prob, mass, factor, after):
        """Add a multiple of mass to where it is after one move."""
        for a in range(mass.shape[0]):
            for w in range(nxt.shape[1]):
                for s in range(mass.shape[1]):
                    after[nxt[a, w, s]] += factor * mass[a, s] * prob[a, w, s]

    @jit
    def disagree(law, before, weight, own, pressure):
        """Return the consistency term of one time, and fill in its derivatives."""
        total = 0.0
        for s in range(law.size):
            both = law[s] + before[s]
            gap = (law[s] - before[s]) / both if both > 0 else 0.0
            total += weight * gap * (law[s] - before[s])
            own[s], pressure[s] = weight * gap * (2 - gap), -weight * gap * (2 + gap)
        return total

    @jit
    def feel_rewards(game, t, m, flat, legal, reads, beta, felt):
        """Add the derivatives of ``-beta . reward`` by the logarithms of a mean field."""
        for k in range(reads.shape[0]):
            for a in range(beta.shape[0]):
                for s in range(beta.shape[1]):
                    p, b = reads[k, a, s], beta[a, s]
                    if p >= 0 and b != 0 and legal[a, s]:
                        mass = flat[p]
                        flat[p] = mass * (1 + STEP)
                        high = reward(game, t, s, a, m)
                        flat[p] = mass * (1 - STEP)
                        low = reward(game, t, s, a, m)
                        flat[p] = mass
                        felt[p] -= b * (high - low) / (2 * STEP)

    @jit
    def gain(game, t, s, a, m, mass, beta, pressure, ahead, outcomes):
        """Return what the objective feels of the moves of a pair."""
        chances, total = noise_law(game, t, s, a, m), 0.0
        for w in range(outcomes):
            y = step(game, t, s, a, m, w)
            if 0 <= y < ahead.size:  # in this mean field nobody has checked it
                total += chances[w] * (mass * pressure[y] - beta * ahead[y])
        return total

    @jit
    def feel_moves(game, t, m, flat, legal, reads, beta, joint, pressure, ahead, outcomes, felt):
        """Add the derivatives of what moves do by the logarithms of a mean field."""
        for k in range(reads.shape[0]):
            for a in range(beta.shape[0]):
                for s in range(beta.shape[1]):
                    p, b, here = reads[k, a, s], beta[a, s], joint[a, s]
                    if p >= 0 and legal[a, s]:
                        mass = flat[p]
                        flat[p] = mass * (1 + STEP)
                        high = gain(game, t, s, a, m, here, b, pressure, ahead, outcomes)
                        flat[p] = mass * (1 - STEP)
                        low = gain(game, t, s, a, m, here, b, pressure, ahead, outcomes)
                        flat[p] = mass
                        felt[p] += (high - low) / (2 * STEP)

    @jit
    def sweep(
        values, nxt, prob, fixed, legal, places, reward_reads, move_reads, first_law,
        ms, joint, rule, v, endless, g, weights, parts, q, slope, pressure, value_slope,
    ):  # fmt: skip
        game, (c1, c2, c3, scale), (T, A, S) = view(*values), weights, joint.shape
        free, own = rule.shape[0] == 0, np.zeros((T, S))
        beta, felt = np.empty((A, S)), np.empty(ms[0].size)
        before, law, none = np.empty(S), np.empty(S), np.zeros(S)
        ahead = np.empty(S)
        if free:
            before[:] = first_law
            for t in range(T):
                if endless:
                    before[:] = 0
                    if not (fixed or tabulate(game, t, ms[t], legal, nxt, prob)):
                        return False
                    push(nxt, prob, joint[t], 1.0, before)
                law[:] = 0
                for a in range(A):
                    for s in range(S):
                        law[s] += joint[t, a, s]
                parts[0] += disagree(law, before, c1, own[t], pressure[t])
                if t + 1 < T:
                    before[:] = 0
                    if not (fixed or tabulate(game, t, ms[t], legal, nxt, prob)):
                        return False
                    push(nxt, prob, joint[t], 1.0, before)
        for t in range(T - 1, -1, -1):
            if not (fixed or tabulate(game, t, ms[t], legal, nxt, prob)):
                return False
            after = t if endless else t + 1
            gaining = pressure[after] if after < T else none
            for s in range(S):
                ahead[s] = g * v[after, s] if after < T else 0.0
            for a in range(A):
                for s in range(S):
                    q[t, a, s] = reward(game, t, s, a, ms[t])
                    slope[t, a, s] = own[t, s]
                for w in range(nxt.shape[1]):
                    for s in range(S):
                        y, p = nxt[a, w, s], prob[a, w, s]
                        q[t, a, s] += p * ahead[y]
                        slope[t, a, s] += p * gaining[y]
                for s in range(S):
                    e = (v[t, s] - q[t, a, s]) / scale
                    z = max(e - c3 / (2 * c2) * joint[t, a, s], 0.0)
                    if not legal[a, s]:
                        e = z = 0.0
                    parts[1] += c2 * (e - z) * (e - z)
                    parts[2] += c3 * z * joint[t, a, s]
                    beta[a, s] = 2 * c2 / scale * (e - z)
                    slope[t, a, s] += c3 * z
                    value_slope[t, s] += beta[a, s]
            if after < T:
                push(nxt, prob, beta, -g, value_slope[after])
            felt[:] = 0
            m = ms[t]
            flat = m.reshape(m.size)
            feel_rewards(game, t, m, flat, legal, reward_reads, beta, felt)
            feel_moves(
                game, t, m, flat, legal, move_reads, beta, joint[t], gaining, ahead,
                nxt.shape[1], felt,
            )  # fmt: skip
            for p in range(felt.size):
                felt[p] = felt[p] / flat[p] if flat[p] > 0 else 0.0
            for a in range(A):
                for s in range(S):
                    p = places[s] * A + a if controls else places[s]
                    slope[t, a, s] = slope[t, a, s] + felt[p] if legal[a, s] else 0.0
            if not free:
                pressure[t] = 0
                for a in range(A):
                    for s in range(S):
                        pressure[t, s] += rule[t, a, s] * slope[t, a, s]
        return True

    return sweep
