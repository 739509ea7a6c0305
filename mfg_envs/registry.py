"""Names of games: ``make_game``, and the ids by which PettingZoo and Gymnasium know them."""

from __future__ import annotations

import difflib
import importlib
import inspect
from collections.abc import Callable, Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import gymnasium
import pettingzoo

if TYPE_CHECKING:
    from mfg_envs.game import FiniteGame


class Kind(NamedTuple):
    """What goes with a kind of game: with ``game.kind``.

    Attributes:
        games: Name of a game -> where its class is.
        view: Where the PettingZoo environment of such games is.
        rules: Methods that are the game.
    """

    games: dict[str, str]
    view: str
    rules: tuple[str, ...]


KINDS = {
    "finite": Kind(
        {
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
        },
        "mfg_envs.environments.population:PopulationEnv",
        ("noise_law", "step", "reward"),
    ),
    "continuous": Kind(
        {
            "beach_bar": "mfg_envs.games.beach_bar:BeachBar",
            "four_rooms": "mfg_envs.games.four_rooms:FourRooms",
            "linear_quadratic": "mfg_envs.games.linear_quadratic:LinearQuadratic",
            "price_impact": "mfg_envs.games.price_impact:PriceImpact",
        },
        "mfg_envs.environments.population:PopulationEnv",
        ("step", "reward"),
    ),
    "team": Kind(
        {
            "constrained_exploration": (
                "mfg_envs.games.teams.constrained_exploration:ConstrainedExploration"
            ),
            "dispatcher": "mfg_envs.games.teams.dispatcher:Dispatcher",
            "follow_the_leader": "mfg_envs.games.teams.follow_the_leader:FollowTheLeader",
            "gaussian_squeeze": "mfg_envs.games.teams.gaussian_squeeze:GaussianSqueeze",
            "one_shot_squeeze": "mfg_envs.games.teams.gaussian_squeeze:OneShotSqueeze",
        },
        "mfg_envs.environments.team:TeamEnv",
        ("noise_law_local", "step_global", "step_local", "reward_global", "reward_local"),
    ),
}
"""Kind of a game -> what goes with it: the one table of this package's games."""
GAMES = KINDS["finite"].games
"""Name of a finite game -> where its class is."""
CONTINUOUS_GAMES = KINDS["continuous"].games
"""Name of a continuous game -> where its class is."""
TEAM_GAMES = KINDS["team"].games
"""Name of a team game (one global agent and n locals) -> where its class is."""
HOMES = {name: home for kind in KINDS.values() for name, home in kind.games.items()}
"""Name of a game of any kind -> where its class is."""


def make_game(name: str, **parameters: Any) -> Any:
    """Build a game by name: a FiniteGame, a ContinuousGame, or a TeamGame.

    Raises:
        ValueError: If the name or a parameter is unknown, or a value is out of its range.
    """
    return _make(name, parameters, ())


def environment_class(kind: str) -> Any:
    """Return the class of the PettingZoo environment of a kind of game."""
    return _found(KINDS[kind].view)


def make_environment(name: str, *number: int, game: Any = None, **arguments: Any) -> Any:
    """Build the parallel environment of a game, by its parameters or from ``game``."""
    return _view(environment_class(_kind_of(name)), name, game, number, arguments)


def make_aec(name: str, *number: int, **arguments: Any) -> Any:
    """Build the turn-based (AEC) twin of the parallel environment."""
    from pettingzoo.utils.conversions import parallel_to_aec

    return parallel_to_aec(make_environment(name, *number, **arguments))


def make_checked_aec(name: str, *number: int, **arguments: Any) -> Any:
    """Build the AEC twin with PettingZoo's checks of the order of calls and of the actions."""
    from pettingzoo.utils.wrappers import AssertOutOfBoundsWrapper, OrderEnforcingWrapper

    return OrderEnforcingWrapper(AssertOutOfBoundsWrapper(make_aec(name, *number, **arguments)))


def make_representative(
    game_name: str, game: FiniteGame | None = None, num_envs: int | None = None, **arguments: Any
) -> Any:
    """Build the one-player Gymnasium environment, or its array twin for ``num_envs``."""
    from mfg_envs.environments.representative import RepresentativeEnv, RepresentativeVectorEnv

    if num_envs is None:
        return _view(RepresentativeEnv, game_name, game, (), arguments)
    return _view(RepresentativeVectorEnv, game_name, game, (num_envs,), arguments)


Maker = Callable[..., Any]
"""Makes an environment from keyword arguments."""


def environments(name: str) -> tuple[Maker, Maker, Maker]:
    """Return ``parallel_env``, ``env`` and ``raw_env`` of a game, for its ``_v0`` module."""

    def parallel_env(*number: int, **arguments: Any) -> Any:
        return make_environment(name, *number, **arguments)

    def env(*number: int, **arguments: Any) -> Any:
        return make_checked_aec(name, *number, **arguments)

    def raw_env(*number: int, **arguments: Any) -> Any:
        return make_aec(name, *number, **arguments)

    made: list[Any] = [parallel_env, env, raw_env]
    signature = _signature(environment_class(_kind_of(name)))
    for function, like in zip(made, (make_environment, make_checked_aec, make_aec), strict=True):
        function.__doc__, function.__signature__ = like.__doc__, signature
        function.__module__ = f"mfg_envs.{name}_v0"  # where pickle finds it
        function.__qualname__ = function.__name__
    return parallel_env, env, raw_env


def _signature(view: Any) -> inspect.Signature:
    """Return what a function takes that makes a view of a game, or of its parameters."""
    own = inspect.signature(view)
    game, *others = own.parameters.values()
    game = game.replace(kind=inspect.Parameter.KEYWORD_ONLY, default=None)
    parameters = inspect.Parameter("parameters", inspect.Parameter.VAR_KEYWORD)
    return own.replace(parameters=[*others, game, parameters], return_annotation=Any)


def register_ids() -> None:
    """Make every game known to PettingZoo, from 1.27 on, and those of players to Gymnasium."""
    register = getattr(pettingzoo, "register", None)
    entry = "mfg_envs.registry:make_representative"
    for name in HOMES:
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
    if name not in HOMES:
        raise ValueError(f"no game is called {name!r}; {close_names(name, HOMES)}")
    return _found(HOMES[name])


def _found(home: str) -> Any:
    module, attribute = home.split(":")
    return getattr(importlib.import_module(module), attribute)


def _kind_of(name: str) -> str:
    return next(kind for kind, one in KINDS.items() if name in one.games)


def _make(name: str, parameters: dict[str, Any], also: Iterable[str]) -> Any:
    """Build a game; ``also`` are other names that a misspelt parameter may have meant."""
    cls = any_class(name)
    known = {f.name for f in fields(cls.variant(parameters))} | set(cls.variants())
    for parameter in parameters:
        if parameter not in known:
            hint = close_names(parameter, known.union(also))
            raise ValueError(f"{name} has no parameter {parameter!r}; {hint}")
    return cls.make(**parameters)


def _view(
    view: Any, name: str, game: Any, number: tuple[int, ...], arguments: dict[str, Any]
) -> Any:
    """Build an environment; what its signature does not name are parameters of the game."""
    known = inspect.signature(view).parameters
    own = {key: arguments.pop(key) for key in known if key in arguments}
    if game is None:
        game = _make(name, arguments, known)
    elif arguments:
        raise ValueError(
            f"give game=... or parameters, not both: {', '.join(arguments)};"
            " use dataclasses.replace(game, ...)"
        )
    return view(game, *number, **own)


def close_names(name: str, known: Iterable[str]) -> str:
    """Return a hint for an error: the names that are like an unknown one, or all."""
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    return f"choose from {', '.join(map(repr, sorted(known)))}"
