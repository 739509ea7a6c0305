"""How teams play what they learned from k locals: who is drawn, who does what, on every view."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from covering import covering
from hypothesis import given
from hypothesis import strategies as st

from agents import Iterate, SubsampledPolicy, SubsampleMFQ
from agents.subsample.execution import picks
from mfg_envs import TeamBatchEnv, make_game
from mfg_envs.environments.team import TeamEnv
from mfg_envs.games.teams.dispatcher import Dispatcher
from mfg_envs.numerics import random
from mfg_envs.simulate.acting import Draws, as_policy

STEERED = Dispatcher(num_zones=3, steered=True, discount=0.9)
GAMES = {
    "dispatcher": make_game("dispatcher"),
    "steered": STEERED,
    "squeeze": make_game("gaussian_squeeze", num_levels=3),
    "leader": make_game("follow_the_leader"),
    "one_shot": make_game("one_shot_squeeze", num_efforts=3, crowd=5, target=4.0, width=2.0),
}
each_sampling = pytest.mark.parametrize("sampling", ["fresh", "vote", "groups"])


def learned(game, k, sampling="fresh"):
    *_, iterate = SubsampleMFQ(k=k, iterations=10).learn(game)
    return SubsampledPolicy(game, iterate.policy, sampling)


def random_rows(game, k, seed=0):
    """Return a policy that is of no use, but reacts to everything."""
    rng = np.random.default_rng(seed)
    shape = learned(game, k).rows.shape
    locally = rng.integers(game.num_local_actions, size=(*shape[:2], k))
    globally = rng.integers(game.num_global_actions, size=(*shape[:2], 1))
    return np.concatenate([globally, locally], -1, dtype=np.int32)


def keys(count, seed=0):
    return random.seed_key(seed, np.arange(count))


# --- who is drawn ---


@given(st.integers(1, 40), st.data(), st.integers(0, 2**32))
def test_subsets_have_different_members(population, data, seed):
    size = data.draw(st.integers(0, population))
    drawn = picks(keys(3, seed), np.array([0, 1000], np.uint64), population, size)
    assert drawn.shape == (3, 2, size)
    for row in [*drawn[:, 0].tolist(), *drawn[:, 1].tolist()]:
        assert len(set(row)) == size
        assert set(row) <= set(range(population))


def test_all_subsets_are_as_likely():
    drawn = np.sort(picks(keys(60_000), np.zeros(1, np.uint64), 5, 3)[:, 0], -1)
    for subset in combinations(range(5), 3):
        share = (drawn == subset).all(-1).mean()
        assert abs(share - 0.1) < 5 * np.sqrt(0.1 * 0.9 / 60_000)


@given(
    st.integers(2, 60),
    st.data(),
    st.integers(2, 8),
    st.sampled_from([0.01, 0.1, 0.5]),
    st.integers(0, 2**32),
)
def test_sampling_lemma(n, data, num_cells, delta, seed):
    """Shares among k of n are near those of all, in every cell, with chance 1 - delta.

    By the inequality of Hoeffding and Serfling for draws without replacement, and a sum over the
    cells: max_x |F_D(x) - F_n(x)| <= 2 sqrt((n - k + 1) / (8 n k) ln(2 cells / delta)).
    """
    k = data.draw(st.integers(1, n))
    kinds = data.draw(st.lists(st.integers(0, num_cells - 1), min_size=n, max_size=n))
    z, episodes = np.array(kinds), 400
    drawn = z[picks(keys(episodes, seed), np.zeros(1, np.uint64), n, k)[:, 0]]
    cells = np.arange(num_cells)
    shares = (drawn[..., None] == cells).mean(1)
    off = np.abs(shares - (z[:, None] == cells).mean(0)).max(-1)
    bound = 2 * np.sqrt((n - k + 1) / (8 * n * k) * np.log(2 * num_cells / delta))
    failures = (off > bound).sum()
    # Hoeffding for the number of failures: below a chance of 1e-9 with delta itself.
    assert failures / episodes <= delta + np.sqrt(np.log(1e9) / (2 * episodes))


def test_sampling_lemma_as_printed_does_not_hold():
    """With the total variation on the left and without the 2 the lemma is not true.

    Of 1000 locals 500 are of one kind; 100 are drawn.  The total variation is |F_D(0) - 1/2|.
    """
    n, k, delta = 1000, 100, 0.1
    bound = np.sqrt((n - k + 1) / (8 * n * k) * np.log(2 * 2 / delta))
    chance = [math.comb(500, c) * math.comb(500, k - c) / math.comb(n, k) for c in range(k + 1)]
    beyond = sum(p for c, p in enumerate(chance) if abs(c / k - 0.5) > bound)
    assert sum(chance) == pytest.approx(1)
    assert beyond > 1.4 * delta
    # The same draws by us: five standard errors.
    drawn = picks(keys(20_000), np.zeros(1, np.uint64), n, k)[:, 0]
    share = (np.abs((drawn < 500).mean(-1) - 0.5) > bound).mean()
    assert abs(share - beyond) < 5 * np.sqrt(beyond / 20_000)


# --- who does what ---


def fixed_team(game, states, x_g=0):
    """Return a batch of one team in given states."""
    batch = TeamBatchEnv(game, 1, len(states), seed=0)
    batch.reset()
    batch.state, batch.global_state = np.array([states], np.int32), np.array([x_g], np.int32)
    return batch


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_locals_of_one_state_act_in_the_order_of_their_numbers(backend, use):
    use(backend)
    rows = np.zeros((3, 15, 5), np.int32)  # multisets of 4 of 3 states
    rows[0, 5] = [2, 0, 1, 2, 1]  # locals in states 0, 0, 2, 2: number 5 after 0000 ... 0012
    policy = SubsampledPolicy(STEERED, rows)
    a_g, a = policy.actions(fixed_team(STEERED, [2, 0, 2, 0]))
    assert a_g.tolist() == [2]
    assert a.tolist() == [[2, 0, 1, 1]]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_groups_vote_and_act_by_hand(backend, use):
    use(backend)
    rows = np.zeros((3, 6, 3), np.int32)  # multisets 00, 01, 02, 11, 12, 22 of 3 states
    rows[0, :, 0] = [2, 2, 1, 2, 1, 1]
    rows[0, 1, 1:] = [1, 2]
    rows[0, 4, 1:] = [0, 2]
    rows[0, 5, 1:] = [2, 1]
    states = [0, 1, 2, 1, 2]  # groups 01, 12 and, as the last two, 12 again
    a_g, a = SubsampledPolicy(STEERED, rows, "groups").actions(fixed_team(STEERED, states))
    assert a_g.tolist() == [1]  # votes 2, 1, 1
    assert a.tolist() == [[1, 2, 2, 0, 2]]
    a_g, _ = SubsampledPolicy(STEERED, rows, "vote").actions(fixed_team(STEERED, [0, 1, 2, 2]))
    assert a_g.tolist() == [1]  # votes 2 and 1: the smaller one
    a_g, _ = SubsampledPolicy(STEERED, rows, "vote").actions(fixed_team(STEERED, [0, 1, 1, 1, 2]))
    assert a_g.tolist() == [2]


def test_a_group_of_everybody_leaves_nothing_to_chance():
    game, n = STEERED, 4
    policies = [SubsampledPolicy(game, random_rows(game, n), s) for s in ("fresh", "groups")]
    batch = TeamBatchEnv(game, 50, n, seed=1)
    batch.reset()
    one, two = (policy.actions(batch) for policy in policies)
    assert all(map(np.array_equal, one, two))


# --- the same on every view, back end and split ---


@covering(
    strength=2,
    game=GAMES,
    sampling=["fresh", "vote", "groups"],
    sizes={"1 of 3": (1, 3), "3 of 3": (3, 3), "3 of 7": (3, 7), "4 of 30": (4, 30)},
)
def test_back_ends_choose_the_same(game, sampling, sizes, use):
    k, n = sizes
    policy = SubsampledPolicy(game, random_rows(game, k), sampling)
    chosen = []
    for name in ("numpy", "numba"):
        use(name)
        batch = TeamBatchEnv(game, 4, n, seed=5)
        batch.reset()
        chosen.append([])
        for _ in range(1 if game.horizon else 5):
            actions = policy.actions(batch)
            chosen[-1].append(actions)
            batch.step(*actions)
    for one, two in zip(*chosen, strict=True):
        for left, right in zip(one, two, strict=True):
            assert left.dtype == right.dtype == np.int32
            assert np.array_equal(left, right)


@each_sampling
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_pettingzoo_team_plays_what_the_compiled_one_plays(sampling, backend, use):
    policy = SubsampledPolicy(STEERED, random_rows(STEERED, 3), sampling)
    use("numba")
    batch = TeamBatchEnv(STEERED, 3, 8, seed=10)
    batch.reset()
    steps = [batch.step(*policy.actions(batch)) for _ in range(12)]
    use(backend)
    for b in range(3):
        env = TeamEnv(STEERED, 8, max_cycles=12)
        env.reset(seed=10 + b)
        for step in steps:
            rewards = env.step(policy.act(env))[1]
            assert rewards["local_7"] == step.reward[b]
            assert np.array_equal(env.batch.state[0], step.state[b])
            assert env.batch.global_state[0] == step.global_state[b]
        assert not env.agents


def test_a_policy_of_a_team_is_one_as_others_are():
    game = make_game("dispatcher", num_zones=3)
    policy = SubsampledPolicy(game, random_rows(game, 2))
    assert as_policy(game, policy) is policy
    batch = TeamBatchEnv(game, 3, 5, 2)
    batch.reset()
    acted = policy.act(0, (batch.global_state, batch.state), Draws.of(batch))
    for one, other in zip(acted, policy.actions(batch), strict=True):
        np.testing.assert_array_equal(one, other)
    saved = Iterate(1, 0, policy.rows, np.zeros(1), np.zeros(1), {})
    np.testing.assert_array_equal(SubsampleMFQ(k=2).policy(game, saved).rows, policy.rows)


def test_steps_and_agents_draw_anew():
    game = make_game("dispatcher")
    rows = learned(game, 1).rows.copy()
    rows[:, :, 0] = np.arange(5)  # go where the one that is seen is
    batch = fixed_team(game, [0, 1, 2, 3, 4] * 4)
    policy, seen = SubsampledPolicy(game, rows), set()
    for t in range(40):
        batch.t = t
        seen.add(int(policy.actions(batch)[0][0]))
    assert seen == set(range(5))


# --- faults ---


def test_faults_are_named():
    policy = learned(STEERED, 3)
    with pytest.raises(ValueError, match=r"looks at k = 3 locals, there are 2: learn with k <= 2"):
        policy.actions(TeamBatchEnv(STEERED, 1, 2))
    with pytest.raises(RuntimeError, match=r"call reset\(\) before the first action"):
        policy.actions(TeamBatchEnv(STEERED, 1, 4))
    with pytest.raises(
        ValueError, match=r"rows must have shape .* of 5 states, .* got \(3, 10, 4\)"
    ):
        SubsampledPolicy(make_game("dispatcher"), policy.rows)
    with pytest.raises(
        ValueError, match=r"is for \(S_g, S\) = \(3, 3\) states, the team has \(5, 5\)"
    ):
        policy.actions(TeamBatchEnv(make_game("dispatcher"), 1, 4))
    for rows in (policy.rows + 3, policy.rows - 3, policy.rows.astype(float)):
        with pytest.raises(ValueError, match="the first below 3, the others below 3"):
            SubsampledPolicy(STEERED, rows)
    with pytest.raises(ValueError, match="sampling must be one of 'fresh', 'vote', 'groups'"):
        SubsampledPolicy(STEERED, policy.rows, "voting")
