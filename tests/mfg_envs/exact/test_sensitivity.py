"""What games read of the mean field is found completely, and derivatives keep their error bound."""

from __future__ import annotations

import numpy as np
import pytest
from toys import Clockwork

from mfg_envs import make_game
from mfg_envs.exact.sensitivity import STEP, log_slopes, reads
from mfg_envs.game.reads import law_table

EPS = np.finfo(float).eps


def pairs(game):
    return np.indices((game.num_states, game.num_actions), np.int64)


def outcome_laws(game, t, m):
    """Return the law of the next state of every pair, (S, A, S)."""
    x, a = pairs(game)
    prob = law_table(game, t, x, a, m)
    there = game.step(t, x[..., None], a[..., None], m, np.arange(prob.shape[-1]))
    return (np.eye(game.num_states)[np.clip(there, 0, game.num_states - 1)] * prob[..., None]).sum(
        2
    )


def test_a_chain_reads_its_own_place_and_its_moves_read_nothing():
    game = make_game("lasry_lions_chain")
    assert np.array_equal(reads(game).reward[0], pairs(game)[0])
    assert len(reads(game).reward) == 1 and len(reads(game).moves) == 0


def test_an_illness_reads_how_many_are_ill_and_its_rewards_read_nothing():
    found = reads(make_game("sis"))
    assert (found.moves == 1).all() and found.moves.shape == (1, 2, 5)
    assert len(found.reward) == 0


def test_a_congested_move_reads_where_it_leads():
    game = make_game("kinetic_congestion")
    assert np.array_equal(reads(game).moves, game.goal[None])


def test_three_species_read_the_three_cells_of_their_place_once_each():
    game = make_game("predator_prey")
    found = reads(game).reward.reshape(3, 3, 25, 5)
    assert np.array_equal(np.sort(found, 0)[:, 1, :, 2], np.arange(75).reshape(3, 25))


def test_a_market_reads_stall_and_action(toys):
    x, a = pairs(toys.Market())
    assert np.array_equal(reads(toys.Market()).reward, [x // 2 * 3 + a])


class Total(Clockwork):
    def reward(self, t, x, a, m):  # not through ``at``
        return -(m * m).sum() + 0.0 * x


def test_who_looks_at_the_whole_mean_field_reads_all_of_it():
    found = reads(Total())
    assert np.array_equal(found.reward[:, 0, 0], np.arange(4)) and len(found.moves) == 0
    m = np.array([0.1, 0.2, 0.3, 0.4])
    slopes = [
        s for _, s in log_slopes(lambda m: Total().reward(0, *pairs(Total()), m), m, found[0])
    ]
    # The third derivative of -exp(2 y) is -8 exp(2 y).
    bound = STEP**2 / 6 * 8 * m**2 * 1.01 + 4 * EPS / STEP
    assert (np.abs(np.array(slopes)[:, 0, 0] + 2 * m**2) <= bound).all()


def test_nothing_is_read_that_is_not_listed(any_game):
    rng = np.random.default_rng(0)
    found = reads(any_game)
    size = int(np.prod(any_game.mean_field_shape))
    for t in range(any_game.horizon or 1):
        m = rng.dirichlet(np.ones(size)).reshape(any_game.mean_field_shape)
        before = any_game.reward(t, *pairs(any_game), m), outcome_laws(any_game, t, m)
        for p in range(size):
            other = m.copy()
            other.flat[p] += 0.01
            after = any_game.reward(t, *pairs(any_game), other), outcome_laws(any_game, t, other)
            changed = after[0] != before[0], (after[1] != before[1]).any(-1)
            for difference, listed in zip(changed, found, strict=True):
                assert not (difference & ~(listed == p).any(0)).any()


def test_no_pair_reads_an_entry_twice(any_game):
    for listed in reads(any_game):
        ranked = np.sort(listed, 0)
        assert not ((ranked[1:] == ranked[:-1]) & (ranked[1:] >= 0)).any()
        assert listed.max(initial=-1) < np.prod(any_game.mean_field_shape)


@pytest.mark.parametrize("mass", [1e-9, 1e-3, 0.9])
@pytest.mark.parametrize(("name", "crowding"), [("crowd_modelling", 0), ("lasry_lions_chain", 40)])
def test_slopes_of_logarithms_and_lines_keep_their_error_bound(name, crowding, mass):
    # -log m has slope -1 and no third derivative by log m; -c m has -c m for both.
    game = make_game(name)
    m = np.full(game.num_states, mass)
    x, a = pairs(game)
    slope = -crowding * mass if crowding else -1.0
    ((index, found),) = log_slopes(lambda m: game.reward(0, x, a, m), m, reads(game).reward)
    rounding = 4 * EPS * np.abs(game.reward(0, x, a, m)).max() / STEP
    assert np.array_equal(index, x)
    assert np.abs(found - slope).max() <= STEP**2 / 6 * 1.01 * crowding * mass + rounding


def test_too_many_entries_are_refused_before_they_are_listed(monkeypatch):
    monkeypatch.setattr("mfg_envs.numerics.memory._free_memory", lambda: 1000)
    with pytest.raises(ValueError, match="mean-field entries read = 150 needs"):
        reads(make_game("lasry_lions_chain", num_cells=50))
