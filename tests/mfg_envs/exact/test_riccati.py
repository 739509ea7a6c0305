"""Linear-quadratic games in closed form, against dynamic programming written another way."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mfg_envs import BatchEnv, make_game, riccati

MANY = 100_000


def some_game(dim, seed=0, **parameters):
    """Return an unbounded game with random matrices; closed loops of theirs are stable."""
    rng = np.random.default_rng(seed)

    def matrix(scale, shift=0.0):
        return tuple(map(tuple, shift * np.eye(dim) + scale * rng.standard_normal((dim, dim))))

    def cost(scale):
        root = rng.standard_normal((dim, dim))
        return tuple(map(tuple, scale * (root @ root.T + 0.1 * np.eye(dim))))

    defaults = {
        "noise": "normal", "dim": dim, "drift": matrix(0.1, 0.8), "control": matrix(0.2, 0.5),
        "coupling": matrix(0.05, 0.1), "state_cost": cost(1.0), "action_cost": cost(0.3),
        "crowd_cost": cost(0.5), "target": tuple(rng.standard_normal(dim)), "start": 0.3,
        "noise_scale": 0.2, "start_scale": 0.5, "bound": None, "action_bound": None, "horizon": 12,
    }  # fmt: skip
    return make_game("linear_quadratic", **{**defaults, **parameters})


def square(value, dim):
    return np.asarray(value) * np.eye(dim) if np.ndim(value) == 0 else np.asarray(value)


def values_by_completing(game, flow, policy=None):
    """Return the value by a recursion over z = (x, 1): V_t(z) = -z' S_t z, Schur complements.

    Nothing is shared with the library: moves and costs are one block matrix of (x, a, 1), asked
    of the game's own reward and step.
    """
    d = game.dim
    parts = [square(getattr(game, n), d) for n in ("drift", "control", "coupling")]
    Q, R, P = (square(getattr(game, n), d) for n in ("state_cost", "action_cost", "crowd_cost"))
    noise = game.noise_scale**2 * (1 if "Gauss" in type(game).__name__ else 1 / 3)
    S, target = np.zeros((d + 1, d + 1)), np.array(game.target)
    for t in reversed(range(game.horizon)):
        m = flow[t]
        H = np.zeros((2 * d + 1, 2 * d + 1))  # of (x, a, 1)
        for weight, centre in ((Q, target), (P, m)):
            to = np.hstack([np.eye(d), np.zeros((d, d)), -centre[:, None]])
            H += to.T @ weight @ to
        H[d : 2 * d, d : 2 * d] += R
        move = np.hstack([parts[0], parts[1], (parts[2] @ m)[:, None]])
        move = np.vstack([move, [[0] * 2 * d + [1]]])
        H += game.discount * move.T @ S @ move
        H[-1, -1] += game.discount * noise * np.trace(S[:d, :d])
        x_one, a = [*range(d), 2 * d], list(range(d, 2 * d))
        if policy is None:
            cross = H[np.ix_(a, x_one)]
            S = H[np.ix_(x_one, x_one)] - cross.T @ np.linalg.pinv(H[np.ix_(a, a)]) @ cross
        else:
            play = np.zeros((2 * d + 1, d + 1))
            play[:d, :d], play[-1, -1] = np.eye(d), 1
            play[d : 2 * d] = np.hstack([policy.gain[t], policy.offset[t][:, None]])
            S = play.T @ H @ play
    start = np.append(game.start, 1.0)
    spread = game.start_scale**2 * (1 if "Gauss" in type(game).__name__ else 1 / 3)
    return -(start @ S @ start + spread * np.trace(S[:d, :d]))


@pytest.mark.parametrize("noise", ["normal", "uniform"])
@pytest.mark.parametrize("dim", [1, 2, 4])
def test_nobody_gains_by_leaving_the_equilibrium(dim, noise):
    game = some_game(dim, noise=noise, discount=0.97)
    policy = riccati.equilibrium(game)
    met = riccati.flow(game, policy)
    best, own = values_by_completing(game, met), values_by_completing(game, met, policy)
    assert abs(best - own) < 1e-9
    assert riccati.exploitability(game, policy) < 1e-9
    assert riccati.value(game, met) == pytest.approx(best, rel=1e-12)
    assert riccati.value(game, met, policy) == pytest.approx(own, rel=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_other_policies_have_the_exploitability_of_dynamic_programming(dim):
    game = some_game(dim, 1)
    right = riccati.equilibrium(game)
    policy = riccati.Affine(0.7 * right.gain, right.offset + 0.1)
    met = riccati.flow(game, policy)
    gap = values_by_completing(game, met) - values_by_completing(game, met, policy)
    assert gap > 1e-3
    assert riccati.exploitability(game, policy) == pytest.approx(gap, rel=1e-9)
    response = riccati.best_response(game, met)
    assert riccati.value(game, met, response) == pytest.approx(riccati.value(game, met), rel=1e-12)


def test_the_recursion_of_the_paper_in_one_dimension():
    """P_t and q_t as printed, iterated on m_t until it stands still."""
    game = make_game("linear_quadratic", bound=None, action_bound=None)
    A, B, C, cX, cA, cM, x = 1, 1, 0.06, 5, 0.1, 1, 0.6
    T = game.horizon
    m = np.zeros(T)
    for _ in range(200):
        P, q, rule = cX + cM, -cX * x - cM * m[-1], [(0, 0)]
        for t in reversed(range(T - 1)):
            G = cA + B * B * P
            rule.append((-B * P * A / G, -(B * P * C * m[t] + B * q) / G))
            q = -cX * x - cM * m[t] + A * cA * (P * C * m[t] + q) / G
            P = cX + cM + A * A * P * cA / G
        rule = rule[::-1]
        after = np.zeros(T)
        for t in range(T - 1):
            after[t + 1] = (A + C) * after[t] + B * (rule[t][0] * after[t] + rule[t][1])
        m = after
    policy = riccati.equilibrium(game)
    assert np.allclose(policy.gain[:, 0, 0], [g for g, _ in rule], atol=1e-12)
    assert np.allclose(policy.offset[:, 0], [f for _, f in rule], atol=1e-12)
    assert np.allclose(riccati.flow(game, policy)[:, 0], m, atol=1e-12)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_many_players_have_the_means_and_covariances(dim):
    game = some_game(dim, 2)
    policy = riccati.equilibrium(game)
    means, covariances = riccati.flow(game, policy), riccati.covariances(game, policy)
    env = BatchEnv(game, 1, MANY, 3)
    x, error = env.reset().state[0], covariances[0] / MANY
    drift, control, coupling = (
        square(getattr(game, n), dim) for n in ("drift", "control", "coupling")
    )
    for t in range(game.horizon):
        assert (abs(x.mean(0) - means[t]) <= 5 * np.sqrt(error.diagonal())).all()
        c = covariances[t]
        deviation = np.sqrt((np.outer(c.diagonal(), c.diagonal()) + c**2) / MANY)
        assert (abs(np.cov(x.T).reshape(dim, dim) - c) <= 5 * deviation).all()
        x = env.step(x[None] @ policy.gain[t].T + policy.offset[t]).state[0]
        # The mean of N players moves like that of all, with the noise of N draws on top.
        together = drift + control @ policy.gain[t] + coupling
        error = together @ error @ together.T + game.noise_scale**2 / MANY * np.eye(dim)


def test_players_against_the_flow_earn_the_value():
    game = some_game(2, 4)
    policy = riccati.equilibrium(game)
    env = BatchEnv(game, 100, 1000, 5, mode="mean_field")
    env.set_population_policy(policy)
    env.reset()
    returns = env.rollout(policy, game.horizon).reward.sum(0)
    error = returns.std(ddof=1) / 10
    assert abs(returns.mean() - riccati.value(game, riccati.flow(game, policy), policy)) < 4 * error


def test_games_without_a_closed_form_are_refused():
    with pytest.raises(ValueError, match=r"needs bound=None, action_bound=None and a horizon"):
        riccati.equilibrium(make_game("linear_quadratic"))
    with pytest.raises(ValueError, match="BeachBar is not linear-quadratic: use discretise"):
        riccati.equilibrium(make_game("beach_bar"))
    game = some_game(1)
    with pytest.raises(ValueError, match=r"flow must be mean states \(T, d\) = \(12, 1\), got"):
        riccati.best_response(game, np.zeros(12))
    # One step: B = 1, R = S = P + Q = 1; everybody wants to be twice as far from the others.
    odd = dataclasses.replace(
        game, drift=1.0, control=1.0, coupling=0.0, state_cost=-1.0, crowd_cost=2.0,
        action_cost=1.0, horizon=2,
    )  # fmt: skip
    with pytest.raises(ValueError, match="no unique equilibrium: the mean state at t = 1 is"):
        riccati.equilibrium(odd)
