"""What each player of a set of models gains by leaving its model, when all others keep to theirs.

Of N players with a model each (a policy, a table, ...) the gap of player i is

    gap_i = max over deviations of V_i(deviation; others play their models) - V_i(models)

Nobody knows the maximum over all deviations.  What is reported is the gain of one that was found,
and can be played, so it is a **lower bound** of gap_i, up to chance, which the error tells:

* in a finite game the deviation is found by dynamic programming over the player's own state and
  time against simulated crowds of the others, see ``mfg_envs.metrics.deviating_player``;
* in any game it may be learned: give a ``response``, such as ``agents.LearnedDeviation``.

Either is chosen on random numbers of its own and then played on fresh ones, so that there is no
maximisation bias; models and deviation play in populations with the same random numbers.

Two numbers sum up the players that were looked at.  An **epsilon-Nash equilibrium** asks that
nobody gains more than epsilon: that is the largest gap, ``gap``.  The largest of many estimates is
too large, as the luckiest is picked.  So who gains most is told by half of the episodes, what it
gains by the other half, and the other way round.  The **mean**, ``mean``, is NashConv / N, which
tends to the exploitability of the limit if all follow one policy.

A stationary game is played from its first states, as an episode is (``nash_gap`` begins in the
stationary mean field), and cut off when ``discount^t`` is a thousandth: with what comes after, a
gain could differ by at most ``2 g^num_steps max|r| / (1 - g)``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mfg_envs.game import Array, as_int, check_range
from mfg_envs.game.kinds import is_game
from mfg_envs.metrics.deviating_player import Deviation, PlayerSet
from mfg_envs.metrics.gap_of_n_players import num_steps_of
from mfg_envs.numerics import random
from mfg_envs.numerics.estimates import interval, standard_error
from mfg_envs.players.each import Each
from mfg_envs.simulate.acting import Policy, Table, as_policy


class Seat(NamedTuple):
    """A player who may leave, among others who do not: what a response is trained for.

    Attributes:
        game: The game.
        policy: What every player follows, N of them: a policy of the whole population.
        player: Number of the player.
        name: Its name.
        model: What it was given as, to start from.
        observe: Parts of what players see, see ``Observer``; None: those by default.
        num_steps: Steps of an episode.
        seed: Of what is trained.
    """

    game: Any
    policy: Each
    player: int
    name: str
    model: Any
    observe: tuple[str, ...] | None
    num_steps: int
    seed: int

    @property
    def num_agents(self) -> int:
        """Players, N."""
        return len(self.policy.policies)


class PlayerGap(NamedTuple):
    """What one player gains by leaving.

    Attributes:
        gain: Mean gain of the deviation: a lower bound of what it can gain; below 0 by chance, or
            if what was learned is worse than the model.
        error: Its standard error.
        value: What the player earns by its model.
        value_error: Its standard error.
        deviation: What it plays: a table (T, S, A), or what ``response`` gave.
        sharing: How many players follow the same policy, itself counted.
    """

    gain: float
    error: float
    value: float
    value_error: float
    deviation: Any
    sharing: int


class TeamGap(NamedTuple):
    """What the players of a set gain by leaving; ``str`` shows a table.

    Attributes:
        gap: What the player gains who gains most.
        error: Its standard error.
        mean: Mean gain of the players that were looked at; with ``players=None`` of all N, as those
            with the same policy gain the same.
        mean_error: Its standard error.
        players: Of every player that was looked at, by name.
        num_episodes: Pairs of populations that were simulated for each.
    """

    gap: float
    error: float
    mean: float
    mean_error: float
    players: dict[str, PlayerGap]
    num_episodes: int

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the largest gain, 95 %."""
        return interval(self.gap, self.error, self.num_episodes)

    def __str__(self) -> str:
        wide = max(map(len, ("player", *self.players)))
        row = f"{{:<{wide}}}  {{:>19}}  {{:>21}}"
        lines = [
            f"largest gain {self.gap:.4g} +- {self.error:.2g}, mean {self.mean:.4g} +-"
            f" {self.mean_error:.2g} ({self.num_episodes} episodes)",
            row.format("player", "gains by leaving", "earns by staying"),
        ]
        for name, one in self.players.items():
            gain, value = f"{one.gain:.4g} +- {one.error:.2g}", f"{one.value:.5g}"
            lines.append(row.format(name, gain, f"{value} +- {one.value_error:.2g}"))
        return "\n".join(lines)


def team_gap(
    env: Any,
    models: Any,
    *,
    num_agents: int | None = None,
    players: int | Sequence[str] | None = None,
    response: Callable[[Seat], Any] | None = None,
    observe: Sequence[str] | None = None,
    num_episodes: int = 200,
    num_steps: int | None = None,
    seed: int = 0,
) -> TeamGap:
    """Estimate what each player gains by leaving its model when all others keep to theirs.

    Args:
        env: A ``PopulationEnv`` in mode "n_agent", whose ``max_cycles`` do not matter, or a finite
            or continuous game.
        models: Model, table or policy of every player, by its name or by its group ("vehicle"),
            names before groups, as ``IndependentLearners.models``; or one that all follow.  Each
            in any form that ``as_policy`` takes.
        num_agents: Players N; with a game only.
        players: Who is looked at: names, or how many, drawn by the seed; None: one of those who
            follow the same policy, so everybody if all have their own.
        response: Gives a deviation, in any form that ``as_policy`` takes, for a ``Seat``:
            ``agents.LearnedDeviation(...)``; None: dynamic programming, in finite games.
        observe: What a model or a module sees, see ``as_policy``; None: what its own environment
            shows if that is one of ours, else what ``env`` does.
        num_episodes: Pairs of populations for every player, at least 4; as many others are
            simulated to choose the deviation.
        num_steps: Steps of a stationary game; default: until ``discount^t`` is a thousandth.
        seed: Whole number >= 0; population b has the seed ``seed + b``.

    Raises:
        ValueError: If an argument is out of its range or needs more memory than there is, a player
            has no model, or a continuous game has no ``response``.
        TypeError: If ``env`` is no such environment or game, or a model no policy of it.
    """
    game, names, shown = _population(env, num_agents)
    check_range("num_episodes", as_int("num_episodes", num_episodes), 4)
    check_range("seed", as_int("seed", seed), 0)
    if response is None and not is_game(game, "finite"):
        raise ValueError(
            f"{game.name} is continuous: give a response, such as agents.LearnedDeviation(...), or"
            " play it on a grid, discretise(game)"
        )
    given = _of_each(models, names, game.player_name)
    policies: dict[int, Policy] = {}
    for model in given:
        if id(model) not in policies:
            parts = shown if observe is None and not _has_env(model) else observe
            policies[id(model)] = as_policy(game, model, observe=parts)
    everybody = Each(tuple(policies[id(model)] for model in given))
    team = PlayerSet(game, everybody, num_steps_of(game, num_steps))
    looked_at, shares = _looked_at(players, names, everybody, seed)
    if response is None:
        found = team.responses(looked_at, seed + num_episodes, num_episodes)
        plays = [one.policy for one in found]
        ways = [
            Deviation(i, Table(game, one.policy), one.values)
            for i, one in zip(looked_at, found, strict=True)
        ]
    else:
        seats = [
            Seat(game, everybody, i, names[i], given[i], shown, team.num_steps, _own_seed(seed, i))
            for i in looked_at
        ]
        plays = [response(seat) for seat in seats]
        ways = [
            Deviation(i, as_policy(game, play, observe=None if _has_env(play) else shown))
            for i, play in zip(looked_at, plays, strict=True)
        ]
    values, gains = team.gains(ways, seed, num_episodes)
    sharing = {int(i): len(who) for who in everybody.groups for i in who}
    table = {
        names[i]: PlayerGap(*_mean(gain), *_mean(value), play, sharing[i])
        for i, gain, value, play in zip(looked_at, gains, values, plays, strict=True)
    }
    return TeamGap(*largest(gains), *_mean(shares @ gains), table, num_episodes)


def _population(env: Any, num_agents: int | None) -> tuple[Any, list[str], Any]:
    """Return the game, the names of its players, and what they see; None: what is usual."""
    batch = getattr(env, "batch", None)
    game: Any = env if batch is None else getattr(env, "game", None)
    if not (is_game(game, "finite") or is_game(game, "continuous")):
        raise TypeError(
            "team_gap needs a PopulationEnv, or a finite or continuous game and num_agents, got"
            f" {type(env).__name__}: of a team game, see agents.optimality_gap"
        )
    if batch is None:
        if num_agents is None:
            raise ValueError("num_agents must be given with a game: team_gap(game, models, ...)")
        check_range("num_agents", as_int("num_agents", num_agents), 1)
        return game, [f"{game.player_name}_{i}" for i in range(num_agents)], None
    if num_agents not in (None, batch.num_agents):
        raise ValueError(f"num_agents must be that of env, {batch.num_agents}, got {num_agents}")
    if batch.mode != "n_agent":
        raise ValueError(
            'env must have mode = "n_agent": in mode "mean_field" players do not meet each other,'
            " and what they gain is exact.exploitability"
        )
    return game, list(env.possible_agents), env.observed_parts


def _of_each(models: Any, names: list[str], group: str) -> list[Any]:
    """Return the model of every player."""
    if not isinstance(models, Mapping):
        return [models] * len(names)
    idle = [name for name in models if name not in (*names, group)]
    bare = [name for name in names if name not in models and group not in models]
    if idle or bare:
        problem = f"no player is called {idle[0]!r}" if idle else f"no model for {bare[0]!r}"
        raise ValueError(
            f"models: {problem} ({len(idle or bare)} in all); players are {names[0]!r} .."
            f" {names[-1]!r}, their group is {group!r}"
        )
    return [models[name if name in models else group] for name in names]


def _has_env(model: Any) -> bool:
    """Return whether a model has an environment, which says what it sees."""
    return getattr(model, "get_env", lambda: None)() is not None


def _looked_at(
    players: int | Sequence[str] | None, names: list[str], everybody: Each, seed: int
) -> tuple[list[int], Array]:
    """Return who is looked at, and the weight of each in the mean."""
    if players is None:
        sizes = np.array([len(who) for who in everybody.groups])
        return [int(who[0]) for who in everybody.groups], sizes / sizes.sum()
    if isinstance(players, int | np.integer):
        check_range("players", as_int("players", players), 1, len(names))
        order = random.bits(random.seed_key(seed), np.arange(len(names), dtype=np.uint64))
        chosen = sorted(np.argsort(order)[:players].tolist())
    else:
        odd = [name for name in players if name not in names]
        if odd or not len(players):
            raise ValueError(
                f"players must be some of {names[0]!r} .. {names[-1]!r}, got {players!r:.200}"
            )
        chosen = [names.index(name) for name in dict.fromkeys(players)]
    return chosen, np.full(len(chosen), 1 / len(chosen))


def _own_seed(seed: int, player: int) -> int:
    """Return a seed that fits everybody's generators, below 2^31."""
    return int(random.subkey(random.seed_key(seed), random.LEARNER, player)) >> 33


def _mean(values: Array) -> tuple[float, float]:
    """Return the mean of independent values, and its standard error."""
    return float(values.mean()), float(standard_error(values))


def largest(gains: Array) -> tuple[float, float]:
    """Return the mean gain of the player who gains most, of gains (P, B), and its error.

    Who that is, each half of the episodes tells the other one.
    """
    halves = gains[:, ::2], gains[:, 1::2]
    best = [half.mean(1).argmax() for half in halves]
    return _mean(np.concatenate([halves[0][best[1]], halves[1][best[0]]]))
