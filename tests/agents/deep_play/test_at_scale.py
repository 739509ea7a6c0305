"""One policy, played by more and more real players: their flow tends to its law as N^(-1/2).

The law is a quadrature.  States are points of an even grid with spacing h; a normal action takes
values on an even grid of its own (trapezoid rule, cut off at the bounds as actions are), what
lands between points is put on the two around it by linear weights, and the uniform noise is a
convolution with the integrals of these weights.  Errors are of order h^2.

With N players the error of a mean field is a mean of N nearly independent terms, so its squared
norm D has an expectation proportional to 1 / N.  Over S seeds the mean of D has a relative standard
error of sqrt(2 / S) at most (one component that is normal; several that are in part independent
have less), so log10 of its root is off by sqrt(1 / (2 S)) / ln 10.  A line through log10 N = u_j
has a slope with standard error ``that / sqrt(sum (u_j - mean u)^2)``.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from agents.deep_play.density_flow import DensityFlow
from agents.deep_play.network_policies import NetworkPolicy, from_scaled, gaussian_shape
from agents.deep_play.trajectories import trajectories
from mfg_envs import make_game
from mfg_envs.environments.population import PopulationEnv
from mfg_envs.game import density

HIDDEN = (16, 16)
SIGMAS = 4
GAMES = ("linear_quadratic", "beach_bar")
POINTS = 2000
Z = np.linspace(-6, 6, 241)
WEIGHTS = np.exp(-0.5 * Z**2) / np.exp(-0.5 * Z**2).sum()


def policy_of(game, seed=0):
    """Return a policy of fixed random weights, with a wide spread of actions."""
    shape = gaussian_shape(game, HIDDEN)
    weights = np.random.default_rng(5).standard_normal(shape.size).astype(np.float32)
    for weight, _ in shape.parts(weights):
        weight *= len(weight) ** -0.5
    shape.parts(weights)[-1][1][:] = 0.2, -1.0
    return NetworkPolicy(game, weights[None], HIDDEN, seed=seed)


class Law:
    """The exact flow of a policy in one of the two games, up to the quadrature.

    Attributes:
        mass: At every point of the grid, (T, points).
        points: Of the grid; of the linear-quadratic game the ends too, where players heap up.
        mean_field: (T, *mean_field_shape).
    """

    def __init__(self, game):
        low, high = game.state_low[0], game.state_high[0]
        self.game, self.ends = game, game.name == "linear_quadratic"
        self.h, self.low = (high - low) / POINTS, low
        index = np.arange(POINTS + 1) if self.ends else np.arange(POINTS) + 0.5
        self.points = low + self.h * index
        mass = np.full(index.size, 1 / POINTS)  # first states are even in both games
        if self.ends:
            mass[[0, -1]] /= 2
        reach = round(game.noise_scale / self.h)
        noise = np.full(2 * reach + 1, 1 / (2 * reach))
        noise[[0, -1]] /= 2
        policy, rows = policy_of(game), []
        for t in range(game.horizon):
            rows.append(mass)
            mean, log_std = (
                v[0].astype(float) for v in policy.normal_law(t, self.points[None, :, None])
            )
            a = from_scaled(game, (mean + np.exp(log_std) * Z)[..., None])[..., 0]
            drift = 0.06 * (mass @ self.points) if self.ends else 0.0  # C m of the first game
            mass = self._move(mass, self.points[:, None] + a + drift, noise)
        self.mass = np.stack(rows)
        if self.ends:
            self.mean_field = self.mass @ self.points[:, None]
        else:
            cells = self.mass.reshape(game.horizon, game.bins, -1).sum(-1)
            self.mean_field = density.of_histogram(game, cells)

    def _move(self, mass, there, noise):
        """Return the masses after a step to ``there`` (points, Z), and noise."""
        pad = POINTS  # room beyond both ends
        raw = (there - self.points[0]) / self.h + pad
        base = np.floor(raw).astype(int)
        each, part = (mass[:, None] * WEIGHTS).ravel(), (raw - base).ravel()
        size = mass.size + 2 * pad
        wide = np.bincount(base.ravel(), each * (1 - part), size)
        wide += np.bincount(base.ravel() + 1, each * part, size)
        wide = np.convolve(wide, noise, "same")
        inner, left, right = wide[pad:-pad].copy(), wide[:pad], wide[-pad:]
        if self.ends:  # players stop at the border
            inner[[0, -1]] += left.sum(), right.sum()
        else:  # they bounce off
            inner += left[::-1] + right[::-1]
        return inner

    def below(self, edges):
        """Return the mass of the points below edges between them, (T, edges)."""
        before = np.concatenate([np.zeros((len(self.mass), 1)), self.mass.cumsum(1)], 1)
        return before[:, np.searchsorted(self.points, edges)]


@pytest.fixture(scope="module", params=GAMES)
def law(request):
    """Return the law of each game in turn."""
    return Law(make_game(request.param))


def played(game, num_players, seed):
    """Return the mean fields of real players, stepped by dicts, (T, *mean_field_shape)."""
    env = PopulationEnv(game, num_players, observe=("point",))
    policy, rows = policy_of(game, seed), []
    seen, _ = env.reset(seed=seed)
    for t in range(game.horizon):
        rows.append(env.mean_field.copy())
        x = np.stack(list(seen.values()))[None]
        actions = dict(zip(env.agents, policy(t, x)[0], strict=True))
        seen = env.step(actions)[0]
    assert not env.agents
    return np.stack(rows)


def distances(law, sizes, seeds):
    """Return the root of the mean squared distance to the law for each number of players."""
    squares = []
    for num in sizes:
        off = [played(law.game, num, seed) - law.mean_field for seed in range(seeds)]
        squares.append(np.mean(np.square(off)))
    return np.sqrt(squares)


def slope_and_bound(sizes, roots, seeds):
    """Return the fitted slope in log10, and how far from -1/2 chance may take it."""
    u, y = np.log10(sizes), np.log10(roots)
    slope = np.polyfit(u, y, 1)[0]
    error = math.sqrt(1 / (2 * seeds)) / math.log(10) / np.sqrt(((u - u.mean()) ** 2).sum())
    return slope, SIGMAS * error


def test_the_quadrature_keeps_mass_and_knows_the_first_moments(law):
    """From even states, with an even noise and no border near, one step by hand."""
    np.testing.assert_allclose(law.mass.sum(1), 1, atol=1e-12)
    assert law.mass.min() > -1e-15
    far = np.zeros(law.mass.shape[1])
    far[POINTS // 2] = 1.0
    noise = np.full(2 * 30 + 1, 1 / 60)
    noise[[0, -1]] /= 2
    moved = law._move(far, np.tile(law.points[:, None] + 0.05 * law.h + 0.01 * Z, 1), noise)
    middle = law.points[POINTS // 2]
    mean = moved @ law.points
    assert mean - middle == pytest.approx(0.05 * law.h, abs=1e-12)
    spread = moved @ (law.points - mean) ** 2
    assert spread == pytest.approx(0.01**2 + (30 * law.h) ** 2 / 3, abs=law.h**2)


def test_real_players_tend_to_the_law_as_the_root_of_their_number(law):
    sizes, seeds = (10, 100, 1000), 30
    roots = distances(law, sizes, seeds)
    slope, bound = slope_and_bound(sizes, roots, seeds)
    assert bound < 0.17
    assert abs(slope + 0.5) < bound


@pytest.mark.slow
def test_up_to_a_hundred_thousand_real_players_tend_to_the_law(law):
    sizes, seeds = (10, 100, 1000, 10_000, 100_000), 8
    roots = distances(law, sizes, seeds)
    slope, bound = slope_and_bound(sizes, roots, seeds)
    assert bound < 0.14
    assert abs(slope + 0.5) < bound


def test_the_level_is_that_of_independent_players():
    """Nobody meets anybody on the way to the beach: N E |m^N - m|^2 = E |k(x)|^2 - |m|^2.

    The smoothed indicator k(x) of one player's cell is its own mean field.
    """
    law, num, seeds = Law(make_game("beach_bar")), 200, 40
    game = law.game
    own = density.of_histogram(game, np.eye(game.bins))
    cells = law.mass.reshape(game.horizon, game.bins, -1).sum(-1)
    wanted = (cells @ (own**2).sum(1) - (law.mean_field**2).sum(1)).mean() / num
    got = [
        np.square(played(game, num, seed) - law.mean_field).sum(1).mean() for seed in range(seeds)
    ]
    error = np.std(got, ddof=1) / math.sqrt(seeds)
    assert error < 0.05 * wanted
    assert np.mean(got) == pytest.approx(wanted, abs=SIGMAS * error)


@pytest.mark.parametrize("name", GAMES)
def test_a_flow_fitted_to_players_of_the_policy_has_its_law(name):
    """As a share of the domain W1 is at most .4 / sqrt(n) for n independent points.

    That is .4 % for 1e4 players (thrice as much where they move each other) and .3 % for the 2e4
    points drawn from the flow: most of the 2 % is granted to the fit.
    """
    law = Law(make_game(name))
    game, num = law.game, 200
    players = trajectories(game, policy_of(game, 1), 10_000, seed=1)
    flow = DensityFlow(game)
    flow.fit(players.state, steps=500, batch=1024)
    drawn = np.sort(flow.sample(np.arange(game.horizon), 20_000, seed=2)[..., 0], -1)
    width = game.state_high[0] - game.state_low[0]
    edges = game.state_low[0] + width * np.arange(1, num) / num
    for t, (x, below) in enumerate(zip(drawn, law.below(edges), strict=True)):
        fitted = np.searchsorted(x, edges) / x.size
        assert np.abs(fitted - below).mean() < 0.02, t
    gap = flow.mean_fields() - law.mean_field
    if law.ends:
        assert np.abs(gap).max() < 0.02 * width  # W1 bounds means
    else:
        assert np.abs(gap.cumsum(1) / game.bins).mean(1).max() < 0.02 * width
