"""The first look at a team game; see ``soundness``."""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, TeamGame
from mfg_envs.game.kinds import check_kind
from mfg_envs.game.reads import stacked
from mfg_envs.soundness import finite
from mfg_envs.soundness.finite import (
    ask,
    check_hash,
    check_rows,
    company,
    numbers,
    require_same,
    sizes,
    some,
    untouched,
)
from mfg_envs.soundness.initial_laws import check_initial_law
from mfg_envs.soundness.next_states import check_next


def check_sound_team(game: TeamGame) -> None:
    """Look at a team game before its first use; raise as ``soundness.check_sound`` does."""
    check_kind(game, "team")
    if finite.known.get(id(game)) is game:
        return
    check_hash(game)
    sizes(game, ("num_global_states", "num_global_actions"))
    sizes(game, ("num_local_states", "num_local_actions"))
    check_initial_law(game)
    _locals(game)
    _globals(game)
    finite.known[id(game)] = game


def _locals(game: TeamGame) -> None:
    """Look at moves and rewards of some locals."""
    x, x_g, a = some(game.num_local_states, game.num_global_states, game.num_local_actions)
    law, there = _moves(game, "local", (x, x_g, a), game.num_local_states)
    earned = numbers("reward_local", _called(game, "reward_local", x, x_g, a), x.shape)
    if not np.isfinite(earned).all():
        i = int((~np.isfinite(earned)).argmax())
        raise ValueError(f"reward_local(x={x[i]}, x_g={x_g[i]}, a={a[i]}) is {earned[i]}")
    team = np.flatnonzero(x_g == x_g[-1])
    same = team[company(len(team))]  # locals of one team, in another company
    given = (x[same][None], x_g[-1:][None], a[same][None])
    w = np.zeros(len(same), np.int64)[None]
    again = (
        stacked(ask(game, "noise_law_local", *given), given[0].shape),
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
        _moves(game, "global", (x_g, a_g), game.num_global_states)
    m = np.full((len(x_g), S, A), 1 / (S * A))
    r = numbers("reward_global", _called(game, "reward_global", x_g, a_g, m), x_g.shape)
    if not np.isfinite(r).all():
        i = int((~np.isfinite(r)).argmax())
        raise ValueError(f"reward_global(x_g={x_g[i]}, a_g={a_g[i]}) is {r[i]}, not finite")


def _moves(
    game: TeamGame, side: str, arguments: tuple[Array, ...], num_states: int
) -> tuple[Array, Array]:
    """Return law (P, K) and next states (P, K) of a side, looked at."""
    law = _called(game, f"noise_law_{side}", *arguments)
    names = ("x", "x_g", "a") if side == "local" else ("x_g", "a_g")

    def place(i: int) -> str:
        return ", ".join(f"{name}={v[i]}" for name, v in zip(names, arguments, strict=True))

    check_rows(f"noise_law_{side}", law, place)
    w, wide = np.arange(law.shape[1]), tuple(v[:, None] for v in arguments)
    there = numbers(f"step_{side}", _called(game, f"step_{side}", *wide, w), law.shape)
    check_next(f"step_{side}", there, num_states, lambda i: f"{place(i[0])}, w={i[1]}")
    return law, there


def _called(game: TeamGame, name: str, *arguments: Array) -> Any:
    """Return what a method gives, as an array; a law has its outcomes on the last axis."""

    def call(*given: Array) -> Any:
        result = ask(game, name, *given)
        return stacked(result, given[0].shape) if name.startswith("noise_law") else result

    return untouched(name, call, arguments)
