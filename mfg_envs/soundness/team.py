"""The first look at a team game; see ``soundness``."""

from __future__ import annotations

import numpy as np

from mfg_envs.game import Array, TeamGame
from mfg_envs.game.kinds import check_kind
from mfg_envs.soundness.initial_laws import check_initial_law
from mfg_envs.soundness.looks import (
    ask,
    company,
    look_once,
    moves,
    numbers,
    require_same,
    sizes,
    some,
    untouched,
)
from mfg_envs.soundness.next_states import check_next
from mfg_envs.soundness.rewards import check_rewards


def check_sound_team(game: TeamGame) -> None:
    """Look at a team game before its first use; raise as ``soundness.check_sound`` does."""
    check_kind(game, "team")
    look_once(game, _look)


def _look(game: TeamGame) -> None:
    sizes(game, ("num_global_states", "num_global_actions"))
    sizes(game, ("num_local_states", "num_local_actions"))
    check_initial_law(game)
    _locals(game)
    _globals(game)


def _locals(game: TeamGame) -> None:
    """Look at moves and rewards of some locals."""
    x, x_g, a = some(game.num_local_states, game.num_global_states, game.num_local_actions)
    law, there = moves(game, "_local", {"x": x, "x_g": x_g, "a": a}, game.num_local_states)
    earned = _earned(game, "reward_local", x, x_g, a)
    check_rewards("reward_local", earned, lambda i: f"x={x[i]}, x_g={x_g[i]}, a={a[i]}")
    team = np.flatnonzero(x_g == x_g[-1])
    same = team[company(len(team))]  # locals of one team, in another company
    given = (x[same][None], x_g[-1:][None], a[same][None])
    w = np.zeros(len(same), np.int64)[None]
    again = (
        ask(game, "noise_law_local", *given, law_of=given[0].shape),
        ask(game, "step_local", *given, w),
        ask(game, "reward_local", *given),
    )
    for name, one, two in (
        ("noise_law_local", law[same], again[0]),
        ("step_local", there[same, 0], again[1]),
        ("reward_local", earned[same], again[2]),
    ):
        require_same(name, one, numbers(name, two, (1, *one.shape))[0])


def _globals(game: TeamGame) -> None:
    """Look at moves and rewards of the global agent."""
    x_g, a_g = some(game.num_global_states, game.num_global_actions)
    S, A = game.num_local_states, game.num_local_actions
    if game.global_follows:
        shares = np.concatenate([np.eye(S)[:: max(S // 16, 1)], np.full((1, S), 1 / S)])
        read = numbers(
            "global_from_locals", ask(game, "global_from_locals", shares), shares.shape[:1]
        )
        check_next(
            "global_from_locals", read, game.num_global_states, lambda i: f"{shares[i[0]]}"[:40]
        )
    else:
        moves(game, "_global", {"x_g": x_g, "a_g": a_g}, game.num_global_states)
    m = np.full((len(x_g), S, A), 1 / (S * A))
    r = _earned(game, "reward_global", x_g, a_g, m)
    check_rewards("reward_global", r, lambda i: f"x_g={x_g[i]}, a_g={a_g[i]}")


def _earned(game: TeamGame, name: str, *arguments: Array) -> Array:
    """Return rewards, looked at but for their size."""
    r = untouched(name, lambda *given: ask(game, name, *given), arguments)
    return numbers(name, r, arguments[0].shape)
