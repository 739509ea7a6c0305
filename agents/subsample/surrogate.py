"""The surrogate of a team: its global agent with k of the locals, as arrays for one table.

A table tells the first ``ordered`` locals apart and sees the others as a multiset::

    table         ordered   states of the k locals
    state         0         multisets of k
    mean_field    1         a state, and a multiset of k - 1
    joint         k         tuples

What the k locals are in and do is a *configuration*: their pairs z = x A + a, seen the same way.
Every configuration belongs to a *crowd*, the multiset of its pairs.  Samples are counted by the
crowd and by the place of a local in it, so that all tables draw the same ones.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mfg_envs.exact import team_tables
from mfg_envs.game import Array, TeamGame
from mfg_envs.numerics.memory import check_memory

from . import multisets

TABLES = ("state", "mean_field", "joint")
BLOCK = 1 << 14
"""Configurations whose rewards are computed at once."""
COUNTABLE = 10**18
"""Where counting what a table needs is of no use any more."""


class Surrogate(NamedTuple):
    """A team of one global agent and k locals as one table sees it.

    Attributes:
        ordered: Locals that the table tells apart.
        crowd: Pairs of every configuration in ascending order, int32 (C, k).
        place: Place in the crowd of the table's i-th local, int32 (C, k), or (1, k) if they are
            all alike.
        number: Which multiset of pairs the crowd is, int64 (C,).
        state: Which state of the table a configuration belongs to, int64 (C,).
        joins: Where multisets of the unordered locals' states go when one joins.
        sorted_state: The table's state for every multiset of k local states, int64 (F,).
        follow: Global state of every state of the table, if it follows the locals, int64.
        moves: Next states of a local, all different, uint32 (S_g, S A, K).
        chance: Their probabilities, (S_g, S A, K).
        global_moves: Next global states, uint32 (S_g, A_g, K_g); of size 0 if they follow.
        global_chance: Their probabilities, (S_g, A_g, K_g).
        reward: Of a local, (S_g, S A).
        global_reward: (S_g, 1, A_g), or (S_g, C, A_g) where it reads the crowd.
        num_kinds: States of a local, S.
        num_states: States of the k locals that the table knows.
    """

    ordered: int
    crowd: Array
    place: Array
    number: Array
    state: Array
    joins: multisets.Insertion
    sorted_state: Array
    follow: Array
    moves: Array
    chance: Array
    global_moves: Array
    global_chance: Array
    reward: Array
    global_reward: Array
    num_kinds: int
    num_states: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a table of action values: (S_g, C, A_g)."""
        return len(self.moves), len(self.crowd), self.global_reward.shape[-1]

    @property
    def num_rests(self) -> int:
        """Number of multisets of the locals' states that are not told apart."""
        return multisets.count(self.num_kinds, self.crowd.shape[1] - self.ordered)

    @property
    def settled(self) -> bool:
        """Whether nothing is random: one sample is the expectation."""
        return max(self.moves.shape[-1], self.global_moves.shape[-1]) == 1


def num_ordered(table: str, k: int) -> int:
    """Return how many locals a table tells apart."""
    return {"state": 0, "mean_field": 1, "joint": k}[table]


def num_rows(num_kinds: int, k: int, ordered: int) -> int:
    """Return the number of ways k members of so many kinds look to a table."""
    return num_kinds**ordered * multisets.count(num_kinds, k - ordered)


def check_fits(game: TeamGame, k: int, table: str) -> None:
    """Raise a ValueError if a table and what goes with it need more memory than there is."""
    S, Z, ordered = game.num_local_states, _num_pairs(game), num_ordered(table, k)
    S_g, A_g = game.num_global_states, game.num_global_actions
    each = 28 * k + 32 if ordered else 12 * k + 32
    each += 8 * S_g * A_g * (2 * (table != "state") + game.reward_reads_crowd)
    needs = (
        ("configurations of the locals", num_rows(Z, k, ordered), each),
        ("states of the locals", num_rows(S, k, ordered), 32 * S_g + 8 * A_g * (2 + k // S)),
        ("multisets of local states", multisets.count(S, k - ordered), S * (4 * k + 32)),
    )
    remedy = f"choose k < {k}" + (" or a smaller table" if ordered else "")
    for what, number, size in needs:
        if number > COUNTABLE:
            digits = math.log10(number)
            raise ValueError(f"k = {k} gives 10^{digits:.0f} {what}, {size} bytes each: {remedy}")
        try:
            check_memory(number, size, what)
        except ValueError as error:
            raise ValueError(f"k = {k}: {error}; {remedy}") from None


def surrogate(game: TeamGame, k: int, table: str) -> Surrogate:
    """Build the surrogate of a team with k locals for one table.

    Raises:
        ValueError: If it needs more memory than there is; nothing is allocated then.
    """
    check_fits(game, k, table)
    ordered, S, A = num_ordered(table, k), game.num_local_states, game.num_local_actions
    own = _rows(S * A, k, ordered)
    state = _row_number(own // A, S, ordered)
    if ordered:
        order = np.argsort(own, -1, kind="stable")
        crowd, place = np.take_along_axis(own, order, -1), np.argsort(order, -1).astype(np.int32)
    else:
        crowd, place = own, np.arange(k, dtype=np.int32)[None]
    looks = _rows(S, k, ordered)
    follow = np.empty(0, np.int64)
    if game.global_follows:
        follow = np.asarray(game.global_from_locals(multisets.counts(looks, S) / k), np.int64)
    tables = team_tables.tables(game)
    pair_axis = (game.num_global_states, S * A)
    moves, chance = (t.swapaxes(0, 1).reshape(*pair_axis, -1) for t in tables.local_moves)
    moves, chance = _outcomes(moves, chance)
    global_moves, global_chance = np.empty((0, 0, 0), np.uint32), np.empty((0, 0, 0))
    if tables.global_moves is not None:
        global_moves, global_chance = _outcomes(*tables.global_moves)
    if tables.global_reward is None:
        earned = _crowd_rewards(game, crowd)
    else:
        earned = tables.global_reward[:, None].copy()
    return Surrogate(
        ordered=ordered,
        crowd=crowd,
        place=place,
        number=multisets.rank(crowd, S * A),
        state=state,
        joins=multisets.insertion(S, k - ordered),
        sorted_state=_row_number(multisets.members(S, k), S, ordered),
        follow=follow,
        moves=moves,
        chance=chance,
        global_moves=global_moves,
        global_chance=global_chance,
        reward=np.ascontiguousarray(tables.local_reward.swapaxes(0, 1).reshape(pair_axis)),
        global_reward=np.ascontiguousarray(earned),
        num_kinds=S,
        num_states=len(looks),
    )


def _num_pairs(game: TeamGame) -> int:
    return game.num_local_states * game.num_local_actions


def _rows(num_kinds: int, k: int, ordered: int) -> Array:
    """Return everything a table tells apart: ordered members, then ascending ones, (C, k)."""
    rest = multisets.members(num_kinds, k - ordered)
    weight = num_kinds ** np.arange(ordered)[::-1]
    first = np.arange(num_kinds**ordered)[:, None] // weight % num_kinds
    both = np.repeat(first.astype(np.int32), len(rest), 0), np.tile(rest, (len(first), 1))
    return np.concatenate(both, 1)


def _row_number(rows: Array, num_kinds: int, ordered: int) -> Array:
    """Return the number of each row in ``_rows``."""
    place = np.zeros(len(rows), np.int64)
    for i in range(ordered):
        place = place * num_kinds + rows[:, i]
    rest = rows[:, ordered:]
    return place * multisets.count(num_kinds, rest.shape[1]) + multisets.rank(rest, num_kinds)


def _outcomes(there: Array, chance: Array) -> tuple[Array, Array]:
    """Add up outcomes that lead to one state, and leave out impossible ones; (..., K)."""
    chance = chance.copy()
    for later in range(1, chance.shape[-1]):
        for earlier in range(later):
            both = np.where(there[..., later] == there[..., earlier], chance[..., later], 0)
            chance[..., earlier] += both
            chance[..., later] -= both
    order = np.argsort(chance == 0, -1, kind="stable")[..., : (chance > 0).sum(-1).max()]
    there, chance = (np.take_along_axis(part, order, -1) for part in (there, chance))
    return np.ascontiguousarray(there, np.uint32), np.ascontiguousarray(chance)


def _crowd_rewards(game: TeamGame, crowd: Array) -> Array:
    """Return rewards that read the crowd, for all global states and actions, (S_g, C, A_g)."""
    S_g, A_g = game.num_global_states, game.num_global_actions
    S, A = game.num_local_states, game.num_local_actions
    out = np.empty((S_g, len(crowd), A_g))
    for low in range(0, len(crowd), BLOCK):
        m = multisets.counts(crowd[low : low + BLOCK], S * A) / crowd.shape[1]
        m = m.reshape(-1, S, A)
        for x_g, a_g in np.ndindex(S_g, A_g):
            every = np.full(len(m), x_g), np.full(len(m), a_g)
            out[x_g, low : low + BLOCK, a_g] = game.reward_global(*every, m)
    wrong = np.argwhere(~np.isfinite(out))
    if wrong.size:
        x_g, c, a_g = wrong[0].tolist()
        pairs = [(int(z) // A, int(z) % A) for z in crowd[c]]
        raise ValueError(
            f"reward_global({x_g}, {a_g}, m) is {out[x_g, c, a_g]}, not a finite number, for locals"
            f" with (state, action) {pairs}"
        )
    return out
