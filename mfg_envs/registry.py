"""Names of games: ``make_game``, and the ids by which PettingZoo and Gymnasium know them."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import gymnasium
import pettingzoo

if TYPE_CHECKING:
    from mfg_envs.game import FiniteGame, TeamGame

GAMES = {
    "beach_bar_grid": "mfg_envs.games.beach_bar_grid:BeachBarGrid",
    "contraction_game": "mfg_envs.games.contraction_game:ContractionGame",
    "crowd_lq": "mfg_envs.games.crowd_lq:CrowdLQ",
    "crowd_modelling": "mfg_envs.games.crowd_modelling:CrowdModelling",
    "flocking": "mfg_envs.games.flocking:Flocking",
    "four_rooms_grid": "mfg_envs.games.four_rooms_grid:FourRoomsGrid",
    "kinetic_congestion": "mfg_envs.games.kinetic_congestion:KineticCongestion",
    "lasry_lions_chain": "mfg_envs.games.chains:LasryLionsChain",
    "left_right": "mfg_envs.games.left_right:LeftRight",
    "mf_garnet": "mfg_envs.games.mf_garnet:MFGarnet",
    "no_interaction_chain": "mfg_envs.games.chains:NoInteractionChain",
    "predator_prey": "mfg_envs.games.predator_prey:PredatorPrey",
    "ring_road": "mfg_envs.games.ring_road:RingRoad",
    "rock_paper_scissors": "mfg_envs.games.rock_paper_scissors:RockPaperScissors",
    "routing": "mfg_envs.games.roads.routing:Routing",
    "routing_cycle": "mfg_envs.games.roads.routing_cycle:RoutingCycle",
    "sis": "mfg_envs.games.sis:SIS",
    "two_bar_coordination": "mfg_envs.games.chains:TwoBarCoordination",
}
"""Name of a game -> where its class is."""
CONTINUOUS_GAMES = {
    "beach_bar": "mfg_envs.games.beach_bar:BeachBar",
    "four_rooms": "mfg_envs.games.four_rooms:FourRooms",
    "linear_quadratic": "mfg_envs.games.linear_quadratic:LinearQuadratic",
    "price_impact": "mfg_envs.games.price_impact:PriceImpact",
}
"""Name of a continuous game -> where its class is."""
TEAM_GAMES = {
    "constrained_exploration": (
        "mfg_envs.games.teams.constrained_exploration:ConstrainedExploration"
    ),
    "dispatcher": "mfg_envs.games.teams.dispatcher:Dispatcher",
    "follow_the_leader": "mfg_envs.games.teams.follow_the_leader:FollowTheLeader",
    "gaussian_squeeze": "mfg_envs.games.teams.gaussian_squeeze:GaussianSqueeze",
    "one_shot_squeeze": "mfg_envs.games.teams.gaussian_squeeze:OneShotSqueeze",
}
"""Name of a team game (one global agent and n locals) -> where its class is."""
POPULATION_ARGUMENTS = ("num_agents", "mode", "max_cycles", "render_mode", "observe", "game")
REPRESENTATIVE_ARGUMENTS = ("max_cycles", "observe")
TEAM_ARGUMENTS = ("num_locals", "max_cycles", "observe_global", "observe_local", "game")
"""What an environment takes beside the parameters of its game."""


def game_class(name: str) -> type[FiniteGame]:
    """Return the class of a game of one population.

    Raises:
        ValueError: If no game has this name; lists the close ones.
    """
    if name in TEAM_GAMES:
        raise ValueError(f"{name!r} is a team game: build it with make_game or {name}_v0")
    return any_class(name)


def team_game_class(name: str) -> type[TeamGame]:
    """Return the class of a team game.

    Raises:
        ValueError: If no team game has this name; lists the close ones.
    """
    if name not in TEAM_GAMES:
        raise ValueError(f"no team game is called {name!r}; {close_names(name, TEAM_GAMES)}")
    return any_class(name)


def make_game(name: str, **parameters: Any) -> Any:
    """Build a game by name: a FiniteGame, a ContinuousGame, or a TeamGame.

    Raises:
        ValueError: If the name or a parameter is unknown, or a value is out of its range.
    """
    return _make(name, parameters, ())


def make_population(
    name: str,
    num_agents: int = 100,
    mode: str = "n_agent",
    max_cycles: int | None = None,
    render_mode: str | None = None,
    observe: Iterable[str] | None = None,
    game: FiniteGame | None = None,
    **parameters: Any,
) -> Any:
    """Build the parallel environment of a game, by its parameters or from ``game``."""
    from mfg_envs.environments.population import PopulationEnv

    return PopulationEnv(
        _choose(name, game, parameters, POPULATION_ARGUMENTS),
        num_agents,
        mode=mode,
        max_cycles=max_cycles,
        render_mode=render_mode,
        observe=None if observe is None else tuple(observe),
    )


def make_team(
    name: str,
    num_locals: int = 8,
    max_cycles: int | None = None,
    render_mode: str | None = None,
    observe_global: Iterable[str] | None = None,
    observe_local: Iterable[str] | None = None,
    game: TeamGame | None = None,
    **parameters: Any,
) -> Any:
    """Build the parallel environment of a team game, by its parameters or from ``game``."""
    from mfg_envs.environments.team import TeamEnv

    return TeamEnv(
        _choose(name, game, parameters, TEAM_ARGUMENTS),
        num_locals,
        max_cycles=max_cycles,
        render_mode=render_mode,
        observe_global=None if observe_global is None else tuple(observe_global),
        observe_local=None if observe_local is None else tuple(observe_local),
    )


def make_aec(name: str, **arguments: Any) -> Any:
    """Build the turn-based (AEC) twin of the parallel environment."""
    from pettingzoo.utils.conversions import parallel_to_aec

    make = make_team if name in TEAM_GAMES else make_population
    return parallel_to_aec(make(name, **arguments))


def make_checked_aec(name: str, **arguments: Any) -> Any:
    """Build the AEC twin with PettingZoo's checks of the order of calls and of the actions."""
    from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(make_aec(name, **arguments)))


def make_representative(
    game_name: str, game: FiniteGame | None = None, num_envs: int | None = None, **arguments: Any
) -> Any:
    """Build the one-player Gymnasium environment, or its array twin for ``num_envs``."""
    from mfg_envs.environments.representative import RepresentativeEnv, RepresentativeVectorEnv

    own = {k: arguments.pop(k) for k in REPRESENTATIVE_ARGUMENTS if k in arguments}
    chosen = _choose(game_name, game, arguments, REPRESENTATIVE_ARGUMENTS)
    if num_envs is None:
        return RepresentativeEnv(chosen, **own)
    return RepresentativeVectorEnv(chosen, num_envs, **own)


Maker = Callable[..., Any]
"""Makes an environment from keyword arguments."""


def environments(name: str) -> tuple[Maker, Maker, Maker]:
    """Return ``parallel_env``, ``env`` and ``raw_env`` of a game, for its ``_v0`` module."""

    def parallel_env(num_agents: int = 100, **arguments: Any) -> Any:
        return make_population(name, num_agents, **arguments)

    def env(num_agents: int = 100, **arguments: Any) -> Any:
        return make_checked_aec(name, num_agents=num_agents, **arguments)

    def raw_env(num_agents: int = 100, **arguments: Any) -> Any:
        return make_aec(name, num_agents=num_agents, **arguments)

    parallel_env.__doc__ = make_population.__doc__
    return _of_module(name, parallel_env, env, raw_env)


def team_environments(
    name: str,
) -> tuple[Maker, Maker, Maker]:
    """Return ``parallel_env``, ``env`` and ``raw_env`` of a team game, for its ``_v0`` module."""

    def parallel_env(num_locals: int = 8, **arguments: Any) -> Any:
        return make_team(name, num_locals, **arguments)

    def env(num_locals: int = 8, **arguments: Any) -> Any:
        return make_checked_aec(name, num_locals=num_locals, **arguments)

    def raw_env(num_locals: int = 8, **arguments: Any) -> Any:
        return make_aec(name, num_locals=num_locals, **arguments)

    parallel_env.__doc__ = make_team.__doc__
    return _of_module(name, parallel_env, env, raw_env)


def _of_module(
    name: str,
    parallel_env: Callable[..., Any],
    env: Callable[..., Any],
    raw_env: Callable[..., Any],
) -> tuple[Maker, Maker, Maker]:
    """Make the functions those of the ``_v0`` module, documented and found there by pickle."""
    env.__doc__, raw_env.__doc__ = make_checked_aec.__doc__, make_aec.__doc__
    for function in (parallel_env, env, raw_env):
        function.__module__ = f"mfg_envs.{name}_v0"
        function.__qualname__ = function.__name__
    return parallel_env, env, raw_env


def register_ids() -> None:
    """Make every game known to PettingZoo, from 1.27 on, and those of players to Gymnasium."""
    register = getattr(pettingzoo, "register", None)
    entry = "mfg_envs.registry:make_representative"
    for name in (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES):
        ident = f"mfg_envs/{name.title().replace('_', '')}-v0"
        if name not in TEAM_GAMES:
            gymnasium.register(ident, entry, vector_entry_point=entry, kwargs={"game_name": name})
        if register is not None:
            register("parallel", ident, f"mfg_envs.{name}_v0:parallel_env")
            register("aec", ident, f"mfg_envs.{name}_v0:env")


def any_class(name: str) -> Any:
    """Return the class of a game of any kind.

    Raises:
        ValueError: If no game has this name; lists the close ones.
    """
    home = {**GAMES, **CONTINUOUS_GAMES, **TEAM_GAMES}
    if name not in home:
        raise ValueError(f"no game is called {name!r}; {close_names(name, home)}")
    module, attribute = home[name].split(":")
    return getattr(importlib.import_module(module), attribute)


def _make(name: str, parameters: dict[str, Any], also: Iterable[str]) -> Any:
    """Build a game; ``also`` are other names that a misspelt parameter may have meant."""
    cls = any_class(name)
    known = {f.name for f in fields(cls.variant(parameters))} | set(cls.variants())
    for parameter in parameters:
        if parameter not in known:
            hint = close_names(parameter, known.union(also))
            raise ValueError(f"{name} has no parameter {parameter!r}; {hint}")
    return cls.make(**parameters)


def _choose(name: str, game: Any, parameters: dict[str, Any], also: Iterable[str]) -> Any:
    if game is None:
        return _make(name, parameters, also)
    if parameters:
        raise ValueError(
            f"give game=... or parameters, not both: {', '.join(parameters)};"
            " use dataclasses.replace(game, ...)"
        )
    return game


def close_names(name: str, known: Iterable[str]) -> str:
    """Return a hint for an error: the names that are like an unknown one, or all."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"choose from {', '.join(map(repr, sorted(known)))}"
