"""The page of a game: its docstrings, its parameters, its picture and what was measured on it."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import docstrings
import measured
import numpy as np
from PIL import Image

from mfg_envs.pictures.drawing import title
from mfg_envs.registry import KINDS, any_class, environment_class, make_game

IMAGES = Path(__file__).with_name("images")
FILMS = {"four_rooms_grid": "four_rooms"}
"""Game -> its film, where that has another name."""
PLAYERS = {"finite": 300, "continuous": 300, "team": 40}
"""In the picture of a game, by its kind; locals of a team."""
STEPS = 10
"""Of random play before the picture is taken; no more than the game has."""

LIMIT = """\
`m`, the mean field, is {field}.  With N players it is their own; in the limit it is {limit}:

```python
from mfg_envs import {name}_v0

limit = {name}_v0.parallel_env(num_agents=2, mode="mean_field")
observations, infos = limit.reset(seed=0)
```
"""
MOVES = (
    "what the exact law makes of a policy of the crowd, at first the uniform one, or what you set"
)
STAYS = "what you set: the flow of a policy, or a mean field; at first that of the start"
ENDLESS = """
```python
from mfg_envs import exact, make_game, policies

game = make_game("{name}")
m = exact.stationary_mean_field(game, policies.uniform(game))  # (S,): all play this for ever
```
"""
WITH_END = """
```python
from mfg_envs import exact, make_game, policies

game = make_game("{name}")
flow = exact.flow(game, policies.uniform(game))  # (T, S): all play this
```
"""
TEAM_LIMIT = """\
A team has one global agent and n locals, who all earn the global reward plus the mean of the local
ones.  Locals are exchangeable: only the share of them in each state matters, and as n grows the
team is worth what the exact law says.  [`SubsampleMFQ`](../learners/SubsampleMFQ.md) learns from k
of them.

```python
from mfg_envs import {name}_v0

env = {name}_v0.parallel_env(num_locals=8)
observations, infos = env.reset(seed=0)
```
"""
STUDIED = """\
Exploitability after 200 iterations; ✓ solved, = stands still, ~ goes round, **bold** a bound was
promised and kept.  All games and what the solvers are: [the study](../solvers.md).
"""


def page(name: str) -> str:
    """Return the page of a game in Markdown; its picture is ``pictures/NAME.png`` beside it."""
    cls: Any = any_class(name)
    about, rules = docstrings.prose(inspect.getmodule(cls)), docstrings.prose(cls)
    head, _, rest = about.partition("\n")
    parts = [
        f"# {heading(name)}\n",
        f"**{head}**\n",
        _pictures(name),
        docstrings.markdown(rest.strip("\n")),
        f'```python\nfrom mfg_envs import make_game\n\ngame = make_game("{name}")\n```',
        f"## Rules\n\n{docstrings.labelled(rules)}",
        f"The same as code ([the whole file](source/{_file(cls)}.md)):\n",
        docstrings.source(*_laws(cls)),
        f"## Parameters\n\n{docstrings.parameters(cls)}",
        *_variants(cls),
        f"## Mean-field limit\n\n{_limit(name, cls)}",
        f"## Known solution\n\n{_solution(name, cls)}",
        f"## Measured\n\n{_measured(name, cls)}",
    ]
    return "\n\n".join(parts) + "\n"


def heading(name: str) -> str:
    """Return a game's name in words."""
    return title(any_class(name).__name__)


def source(name: str) -> tuple[str, str]:
    """Return the path of a page with the game's file, beside the game's page, and the page."""
    module: Any = inspect.getmodule(any_class(name))
    stem = module.__name__.rsplit(".", 1)[1]
    path = module.__name__.replace(".", "/")
    code = inspect.getsource(module)
    text = f"# {stem}.py\n\n`{path}.py`\n\n``` {{.python .of-source}}\n{code}```\n"
    return f"source/{stem}.md", text


def picture(name: str) -> bytes:
    """Draw a population after some random play, as PNG."""
    game = make_game(name)
    env: Any = environment_class(game.kind)(game, PLAYERS[game.kind], render_mode="rgb_array")
    env.reset(seed=0)
    for agent in env.agents:
        env.action_space(agent).seed(env.agents.index(agent))
    for _ in range(_steps(name)):
        env.step({agent: env.action_space(agent).sample() for agent in env.agents})
    file = io.BytesIO()
    Image.fromarray(np.asarray(env.render())).save(file, "PNG", optimize=True)
    return file.getvalue()


def caption(name: str) -> str:
    """Return what the picture shows."""
    kind = any_class(name).kind
    who = f"{PLAYERS[kind]} {'locals' if kind == 'team' else 'players'}"
    steps = _steps(name)
    return f"{who} after {steps} step{'s' * (steps != 1)} of random play"


def index(names: dict[str, tuple[str, ...]]) -> str:
    """Return the list of all games in Markdown; ``names`` by the title of a kind."""
    parts = ["# Games\n\nOne file each; every page is made from its docstrings and its code."]
    for kind, own in names.items():
        rows = []
        for name in own:
            cls: Any = any_class(name)
            head = docstrings.prose(cls).partition("\n")[0]
            clock = f"T = {cls.horizon}" if getattr(cls, "horizon", None) else "endless"
            rows.append((f"[`{name}`]({name}.md)", docstrings.markdown(head), clock))
        parts.append(f"## {kind}\n\n" + docstrings.table(("game", "what it is", "time"), rows))
    return "\n\n".join(parts) + "\n"


def _pictures(name: str) -> str:
    """Return the film of a game, where there is one, and its picture."""
    still = f"![{caption(name)}](pictures/{name}.png){{ width=420 }}\n\n*{caption(name)}*"
    film = IMAGES / f"{FILMS.get(name, name)}.gif"
    if name in FILMS.values() or not film.exists():
        return still
    return f"![{heading(name)}, a film](../images/{film.name})\n\n{still}"


def _file(cls: Any) -> str:
    return cls.__module__.rsplit(".", 1)[1]


def _steps(name: str) -> int:
    return min(STEPS, (getattr(make_game(name), "horizon", None) or STEPS + 1) - 1)


def _laws(cls: Any) -> list[Any]:
    """Return the methods that are the game, and those that they call."""
    names = KINDS[cls.kind].rules
    laws = [getattr(cls, name) for name in names if getattr(cls, name).__module__ in _ours(cls)]
    for law in laws:  # it grows
        methods = [getattr(cls, name, None) for name in law.__code__.co_names]
        own = [method for method in methods if inspect.isfunction(method) and method not in laws]
        laws += [method for method in own if method.__module__ in _ours(cls)]
    return laws


def _ours(cls: Any) -> set[str]:
    """Return the game files that a class is written in."""
    return {c.__module__ for c in cls.__mro__ if c.__module__.startswith("mfg_envs.games")}


def _variants(cls: Any) -> list[str]:
    """Return a section for what ``make_game`` offers beside the parameters."""
    parts = []
    for parameter, choices in cls.variants().items():
        parts.append(f"## Variants: `{parameter}`")
        for value, kind in choices.items():
            usual = " (default)" if kind is cls else ""
            text = "" if kind is cls else docstrings.labelled(docstrings.prose(kind))
            parts.append(f"### `{parameter}={value!r}`{usual}\n\n{text or 'As above.'}")
    return parts


def _limit(name: str, cls: Any) -> str:
    if cls.kind == "team":
        return TEAM_LIMIT.format(name=name)
    game = make_game(name)
    shape = " x ".join(map(str, game.mean_field_shape))
    shape += " number" if shape == "1" else " numbers"
    if cls.kind == "continuous":
        kinds = {
            "density": "the density of the players on a grid",
            "mean_state": "their mean state",
        }
        kind = kinds.get(game.mean_field_kind, "their mean action")
        return LIMIT.format(name=name, field=f"{kind} ({shape})", limit=STAYS)
    field = f"the share of players at each place ({shape})"
    more = ENDLESS if game.horizon is None else WITH_END
    return LIMIT.format(name=name, field=field, limit=MOVES) + more.format(name=name)


def _solution(name: str, cls: Any) -> str:
    said = [docstrings.markdown(cls.solution)] if cls.solution else []
    studied = [
        (f"`make_game({case.made.strip('`')})`", case.known, case.why)
        for case in measured.cases_of(name)
    ]
    if studied:
        head = ("game", "what is known", "because")
        said.append("What theory says of the solvers on it:\n\n" + docstrings.table(head, studied))
    return "\n\n".join(said) or "No closed form is known to us; see what was measured."


def _measured(name: str, cls: Any) -> str:
    cases = measured.cases_of(name)
    if cases:
        study = measured.study()
        head = ("solver", *(f"`{case.made.strip('`')}`" for case in cases))
        rows = [("at first", *(study.first[case.label] for case in cases))]
        for solver in study.solvers:
            ends = [study.ends[solver, case.label].exploitability for case in cases]
            rows.append((solver, *ends))
        return STUDIED + "\n" + docstrings.table(head, rows)
    if cls.kind == "team":
        head = ("k locals sampled", f"discounted reward of a team with {measured.LOCALS} locals")
        told = (
            "`SubsampleMFQ(k=k, iterations=100)`, played by `SubsampledPolicy` (100 episodes):\n\n"
        )
        return told + docstrings.table(head, measured.by_subsampling(name))
    if make_game(name).room.min() < 1:
        told = "What a player gains at best by leaving the policy, simulated (a lower bound):\n\n"
        return told + docstrings.table(("policy", "gain"), measured.at_random(name))
    told = f"Exploitability on a grid of {measured.GRID} states, {measured.ROUNDS} iterations:\n\n"
    return told + docstrings.table(("policy", "exploitability"), measured.on_a_grid(name))
