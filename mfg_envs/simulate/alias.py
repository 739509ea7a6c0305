"""Walker's alias tables: draw from any tabular policy with one look-up a player."""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array
from mfg_envs.numerics import random


def alias_table(policy: Array) -> Array:
    """Return Walker's alias tables of the rows of a policy, uint64 of the policy's shape.

    A draw picks column j and a fraction; the high half of an entry is the fraction (in 2^-32)
    below which j is played, the low half the action that is played else.
    """
    rows = np.ascontiguousarray(policy.reshape(-1, policy.shape[-1]), np.float64)
    share = rows / rows.sum(-1, keepdims=True) * rows.shape[1]
    alias = np.broadcast_to(np.arange(rows.shape[1]), rows.shape).copy()
    every = np.arange(len(rows))
    open_ = np.ones(rows.shape, bool)
    for _ in range(rows.shape[1] - 1):  # the poorest column is topped up by the richest
        poor = np.where(open_, share, np.inf).argmin(-1)
        rich = np.where(open_, share, -np.inf).argmax(-1)
        alias[every, poor] = rich
        share[every, rich] -= 1 - share[every, poor]
        open_[every, poor] = False
    share[open_] = 1
    high = np.clip(np.rint(share * 2.0**32), 0, 2**32 - 1).astype(np.uint64)
    return ((high << np.uint64(32)) | alias.astype(np.uint64)).reshape(policy.shape)


def sample_actions(alias: Array, x: Array, keys: Array, t: int) -> Array:
    """Draw every player's action from alias tables (the oracle of the compiled rollout).

    Args:
        alias: ``alias_table`` of a rule, (S, A).
        x: Private states, (B, N).
        keys: Keys of the episodes, (B,).
        t: Time.
    """
    z = random.counter_bits(random.subkey(keys, random.ACTION, t), x.shape[1])
    column = random.below(z, alias.shape[1])
    entry = alias[x, column]
    played = np.where(z >> random.S32 < entry >> random.S32, column, entry & np.uint64(0xFFFFFFFF))
    return played.astype(np.int32)
