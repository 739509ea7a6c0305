"""Alias tables hold their policies, and actions drawn from them follow."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mfg_envs.numerics import random
from mfg_envs.simulate.alias import alias_table, sample_actions

MANY = 100_000


def law_of(alias):
    """Return the law an alias table draws from, (S, A)."""
    S, A = alias.shape
    kept = (alias >> np.uint64(32)) / 2.0**32
    other = (alias & np.uint64(2**32 - 1)).astype(int)
    law = kept / A
    np.add.at(law, (np.arange(S)[:, None], other), (1 - kept) / A)
    return law


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 60), zeros=st.floats(0, 1))
def test_an_alias_table_holds_its_policy(seed, size, zeros):
    rng = np.random.default_rng(seed)
    weights = rng.exponential(size=(5, size)) ** 3 * (rng.random((5, size)) >= zeros)
    weights[:, 0] += weights.sum(-1) == 0
    policy = weights / weights.sum(-1, keepdims=True)
    law = law_of(alias_table(policy))
    assert np.abs(law - policy).max() <= 2.0**-31
    assert (law[policy == 0] == 0).all()


def test_actions_follow_their_policy(toys):
    game = toys.Garnet(size=2)
    rule = np.array([[0, 0.125, 0.5, 0.375], [1, 0, 0, 0]])
    x = np.repeat([[0, 1]], MANY, 1)
    key = random.seed_key(3, np.arange(1))
    a = sample_actions(alias_table(rule), x, key, 0)
    assert (a[x == 1] == 0).all()
    share = np.bincount(a[x == 0], minlength=game.num_actions) / MANY
    assert (abs(share - rule[0]) <= 5 * np.sqrt(rule[0] * (1 - rule[0]) / MANY)).all()
