import math

import numpy as np
import pytest
import torch

from agents.deep_play.density_flow import ATOM, DensityFlow
from mfg_envs import exact, make_game, policies
from mfg_envs.exact.discretise import discretise
from mfg_envs.game import density
from mfg_envs.numerics import random
from mfg_envs.simulate.batch import BatchEnv

STEPS, BATCH = 500, 1024
GAP = 0.01
"""One per cent of an entropy of one: most Kullback-Leibler divergence from a known law, in nats."""


class Cells:
    """A law that is even in each of the equal cells of a box, and differs from time to time."""

    def __init__(self, game, shares):
        """Take shares (*cells) of mass as a function of t and of the middles, (*cells, d)."""
        self.game, dim = game, game.state_dim
        count = 4000 if dim == 1 else 160
        self.low, self.high = np.array(game.state_low), np.array(game.state_high)
        self.width = (self.high - self.low) / count
        index = np.stack(np.indices((count,) * dim), -1).reshape(-1, dim)
        self.points, self.shares = self.low + (index + 0.5) * self.width, shares

    def mass(self, t):
        p = self.shares(t, self.points)
        return p / p.sum()

    def log_density(self, t):
        return np.log(np.maximum(self.mass(t), 1e-300)) - np.log(self.width).sum()

    def entropy(self, t):
        return -self.mass(t) @ self.log_density(t)

    def draw(self, num, seed=0):
        rows = []
        for t in range(self.game.horizon):
            u = random.uniform(random.subkey(random.seed_key(seed), t), 3 * num).reshape(3, num)
            cell = random.categorical(self.mass(t), u[0])
            rows.append(self.points[cell] + (u[1:].T[:, : self.points.shape[1]] - 0.5) * self.width)
        return np.stack(rows)

    def gap(self, flow, t):
        """Return the Kullback-Leibler divergence from this law to the flow."""
        return self.mass(t) @ (self.log_density(t) - flow.log_density(t, self.points))

    def variation(self, flow, t):
        p = np.exp(flow.log_density(t, self.points)) * self.width.prod()
        return 0.5 * np.abs(p - self.mass(t)).sum()


def bell(x, mean, std):
    return np.exp(-0.5 * ((x - mean) / std) ** 2) / std


def two_bells(t, points):
    """Two crowds on [-5, 5] that move towards each other; the left one grows."""
    s, x = t / 10, points[:, 0]
    return (0.2 + 0.6 * s) * bell(x, -3 + 2.5 * s, 0.5) + (0.8 - 0.6 * s) * bell(x, 4 - s, 1)


def heap(t, points):
    """The crowd heaps up at the right end."""
    return np.exp((points[:, 0] - 1) * (1 + t / 2))


def bow(t, points):
    """A crowd in [-2, 2]^2 around a bow that turns with the time."""
    x, y = points.T / 2
    return (1 + x) * bell(y, (t / 10 - 1) * x * x, 0.3)


@pytest.fixture(scope="module")
def bells():
    law = Cells(make_game("price_impact"), two_bells)
    flow = DensityFlow(law.game)
    return law, flow, flow.fit(law.draw(4000), steps=STEPS, batch=BATCH)


def test_an_even_law_is_even():
    law = Cells(make_game("beach_bar"), lambda t, points: np.ones(len(points)))
    flow = DensityFlow(law.game)
    assert abs(law.gap(flow, 3)) < 1e-5
    flow.fit(law.draw(4000), steps=200, batch=BATCH)
    assert max(abs(law.gap(flow, t)) for t in (1, 5, 10)) < GAP


def test_a_mixture_that_moves(bells):
    law, flow, nll = bells
    times = range(1, 11)
    assert max(law.gap(flow, t) / law.entropy(t) for t in times) < 0.01
    mean = np.mean([law.entropy(t) for t in times])
    spread = 1.0 / math.sqrt(50 * BATCH)  # of log p, whose standard deviation is below one
    assert nll == pytest.approx(mean, abs=0.01 * mean + 4 * spread)
    mass = [np.exp(flow.log_density(t, law.points)).mean() * 10 for t in times]
    np.testing.assert_allclose(mass, 1, atol=1e-4)


def test_times_between_those_that_were_seen(bells):
    law, flow, _ = bells
    times = np.arange(1, 10) + 0.5
    assert max(law.gap(flow, t) for t in times) < 0.015
    assert max(law.variation(flow, t) for t in times) < math.sqrt(0.015 / 2)  # Pinsker
    num = 20_000
    drawn = np.sort(flow.sample(times, num, seed=3)[..., 0], -1)
    for t, x in zip(times, drawn, strict=True):
        quantile = np.interp((np.arange(num) + 0.5) / num, law.mass(t).cumsum(), law.points[:, 0])
        # W1 of the sample is about int sqrt(F (1 - F) / num) < 10 / 2 / sqrt(num) = .035
        assert np.abs(x - quantile).mean() < 0.035 + 0.05  # half a per cent of the box


def test_a_heap_at_the_border():
    law = Cells(make_game("linear_quadratic"), heap)
    flow = DensityFlow(law.game)
    flow.fit(law.draw(4000), steps=STEPS, batch=BATCH)
    assert max(law.gap(flow, t) for t in (1, 5, 10, 15, 20)) < GAP


def test_the_exact_flow_of_a_grid():
    game = make_game("linear_quadratic")
    grid = discretise(game, num_states=201, num_actions=11, num_noise=40)
    flow = exact.flow(grid, exact.best_response(grid, exact.flow(grid, policies.uniform(grid))))
    law = Cells(game, lambda t, points: np.interp(points[:, 0], grid.states[0], flow[t]))
    fitted = DensityFlow(game)
    fitted.fit(law.draw(20_000), steps=2 * STEPS, batch=BATCH)
    assert max(law.gap(fitted, t) for t in (1, 2, 5, 10, 20)) < GAP
    means = [law.mass(t) @ law.points for t in range(1, 21)]
    np.testing.assert_allclose(fitted.mean_fields()[1:], means, atol=0.01)
    assert fitted.mean_fields()[0] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize(
    ("steps", "gap"), [(STEPS, 0.01), pytest.param(2000, 0.005, marks=pytest.mark.slow)]
)
def test_a_law_in_the_plane(steps, gap):
    law = Cells(make_game("linear_quadratic", dim=2, bound=2.0), bow)
    flow = DensityFlow(law.game)
    flow.fit(law.draw(20_000 if steps == STEPS else 40_000), steps=steps, batch=BATCH)
    assert max(law.gap(flow, t) / law.entropy(t) for t in (1, 10.5, 20)) < gap
    mass = np.exp(flow.log_density(10, law.points)).mean() * 16
    assert mass == pytest.approx(1, abs=0.01)


def test_normal_laws_without_borders():
    game = make_game("linear_quadratic", noise="normal", bound=None, action_bound=None, horizon=6)
    mean, std = np.linspace(-1, 2, 6), np.linspace(1, 0.4, 6)
    draws = random.uniform(random.seed_key(1), 6 * 4000).reshape(6, 4000)
    normal = torch.special.ndtri(torch.from_numpy(draws)).numpy()
    flow = DensityFlow(game)
    flow.fit((mean[:, None] + std[:, None] * normal)[..., None], steps=STEPS, batch=BATCH)
    x = np.linspace(-40, 40, 80_001)
    for t in range(1, 6):
        log_p = -0.5 * ((x - mean[t]) / std[t]) ** 2 - math.log(std[t] * math.sqrt(2 * math.pi))
        log_q = flow.log_density(t, x[:, None])
        assert np.exp(log_q).sum() * 1e-3 == pytest.approx(1, abs=1e-3)
        assert np.exp(log_p) @ (log_p - log_q) * 1e-3 < GAP
    np.testing.assert_allclose(flow.mean_fields()[1:, 0], mean[1:], atol=0.05)
    first = flow.sample([0], 20_000, seed=1)[0, :, 0]
    assert first.mean() == pytest.approx(0, abs=4 / math.sqrt(20_000))
    assert first.std() == pytest.approx(1, abs=4 / math.sqrt(40_000))
    log_first = flow.log_density(0, np.array([[0.0], [2.0]]))
    np.testing.assert_allclose(log_first, [-0.918938533, -2.918938533])


def test_players_on_the_border_are_put_just_inside():
    game = make_game("linear_quadratic", horizon=3)
    u = random.uniform(random.seed_key(0), 3 * 4000).reshape(3, 4000, 1)
    states = np.where(u < 0.3, 1.0, 2 * u - 1)
    flow = DensityFlow(game)
    assert math.isfinite(flow.fit(states, steps=STEPS, batch=BATCH))
    x = flow.sample([1, 2], 10_000, seed=2)
    outermost = 0.3 + 0.7 * ATOM / 1.4
    error = 4 * math.sqrt(0.21 / 4000 + 0.21 / 10_000)  # of the players, and of the draws
    np.testing.assert_allclose((x > 1 - ATOM).mean((1, 2)), outermost, atol=error + 0.01)


def walkers(game, num, seed):
    env = BatchEnv(game, 1, num, seed)
    rows = [env.reset().state[0]]
    key = random.seed_key(seed)
    for t in range(game.horizon - 1):
        u = random.uniform(random.subkey(key, random.ACTION, t), num * 2)
        rows.append(env.step(0.4 * (2 * u - 1).reshape(1, num, 2)).state[0])
    return np.stack(rows)


def test_four_rooms_have_nobody_in_their_walls():
    game = make_game("four_rooms", bins=40)
    flow = DensityFlow(game)
    flow.fit(walkers(game, 2000, 1), steps=40, batch=BATCH)
    m = flow.mean_fields()
    assert m.shape == (21, 40, 40)
    assert np.abs((m * game.room).sum((1, 2)) * (0.5 / 40) ** 2 - 1).max() < 1e-9
    assert m[:, game.room == 0].max() == 0 and m.min() >= 0
    np.testing.assert_array_equal(m[0], density.of_law(game))
    env = BatchEnv(game, 2, 50, 0, mode="mean_field")
    env.set_mean_field(m)
    np.testing.assert_array_equal(env.reset().mean_field[0], m[0])


@pytest.mark.slow
def test_four_rooms_at_full_precision():
    """Compare with the smoothed densities of 4e5 walkers, whose own error is below 2 %.

    They are 5000 cells' worth of counts: TV about sqrt(5000 / (2 pi 4e5)) = .045 before smoothing,
    which averages over 25 cells.
    """
    game = make_game("four_rooms")
    flow = DensityFlow(game)
    flow.fit(walkers(game, 10_000, 1), steps=1500, batch=BATCH)
    m, cell = flow.mean_fields(), (0.5 / 80) ** 2
    for t, x in enumerate(walkers(game, 400_000, 2)):
        true = density.of_players(game, tuple(x.T))
        assert 0.5 * (np.abs(m[t] - true) * game.room).sum() * cell < 0.08, t


def test_the_same_bits_on_any_number_of_threads():
    game = make_game("four_rooms", horizon=4)
    states, before, results = walkers(game, 500, 1), torch.get_num_threads(), []
    state = torch.get_rng_state()
    for threads in (1, 2):
        torch.set_num_threads(threads)
        flow = DensityFlow(game, seed=3)
        nll = flow.fit(states, steps=3, batch=300, seed=4)
        assert torch.get_num_threads() == threads
        x = flow.sample([0, 1, 2.5], 5000, seed=5)
        results.append((flow.weights, np.float64(nll), x, flow.log_density(2, x[1])))
    torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(torch.get_rng_state(), state)
    assert (flow.sample([1], 10, seed=6) != flow.sample([1], 10, seed=7)).all()


def test_weights_go_through_an_array():
    game = make_game("beach_bar")
    one, other = DensityFlow(game, seed=1), DensityFlow(game, seed=2)
    one.fit(np.full((11, 1, 1), 0.3), steps=3, batch=10)
    other.load(one.weights)
    assert one.weights.dtype == np.float32 and one.weights.ndim == 1
    np.testing.assert_array_equal(one.sample([1, 2], 5), other.sample([1, 2], 5))
    with pytest.raises(ValueError, match="finite numbers"):
        other.load(one.weights[1:])
    with pytest.raises(ValueError, match="finite numbers"):
        other.load(np.full_like(one.weights, np.nan))


def test_points_outside_have_no_density():
    flow = DensityFlow(make_game("beach_bar"))
    for t in (0, 1):
        np.testing.assert_array_equal(
            np.isfinite(flow.log_density(t, np.array([[-0.1], [0.5], [1.1]]))),
            [False, True, False],
        )


def test_invalid_arguments_are_refused():
    game = make_game("beach_bar")
    flow, states = DensityFlow(game), np.full((11, 2, 1), 0.5)
    for wrong, message in (
        (states[1:], "must have shape"),
        (states[:, :0], "must have shape"),
        (states * np.nan, "finite"),
        (states + 1, "in the box"),
    ):
        with pytest.raises(ValueError, match=message):
            flow.fit(wrong, steps=1, batch=1)
    with pytest.raises(ValueError, match="learning_rate"):
        flow.fit(states, steps=1, batch=1, learning_rate=(1e-3, 0.0))
    with pytest.raises(ValueError, match="t must be in"):
        flow.log_density(11, states)
    with pytest.raises(ValueError, match="times must be in"):
        flow.sample([-1], 1)
    with pytest.raises(ValueError, match="times must be a row"):
        flow.sample(np.zeros((1, 1)), 1)
    with pytest.raises(ValueError, match="num must be"):
        flow.sample([1], 0)
    with pytest.raises(ValueError, match="use at most"):
        flow.sample([1], 10**15)
    with pytest.raises(ValueError, match="horizon"):
        DensityFlow(make_game("beach_bar", horizon=None, discount=0.9))
    with pytest.raises(ValueError, match=r"sample\(times"):
        DensityFlow(make_game("price_impact")).mean_fields()
    for options in ({"layers": 0}, {"bins": 1}, {"hidden": ()}, {"device": "tpu"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            DensityFlow(game, **options)


def test_a_first_law_that_is_one_point_has_no_density():
    game = make_game("linear_quadratic", start=0.5, start_scale=1e-20, horizon=3)
    flow = DensityFlow(game)
    with pytest.raises(ValueError, match="component 0 of the initial law is one point"):
        flow.log_density(0, np.zeros((2, 1)))
    assert np.isfinite(flow.log_density(1, np.zeros((2, 1)))).all()
