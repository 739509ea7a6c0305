"""The page of a learner: its docstrings, its parameters, its curve and what was measured of it."""

from __future__ import annotations

import inspect
from dataclasses import is_dataclass
from typing import Any

import docstrings
import measured
from learner_curves import Curve, curve_of
from pettingzoo import ParallelEnv

import agents
from mfg_envs import RepresentativeEnv
from mfg_envs.game import ContinuousGame, FiniteGame, TeamGame
from mfg_envs.games.roads.routing_cycle import TrafficAssignment

USE = """\
```python
from agents import {name}
from mfg_envs import {names}

for iterate in {name}({settings}).learn({source}, seed=0):
    print(iterate.iteration, iterate.samples)
```
"""
EXAMPLES = {
    (FiniteGame,): ("make_game", 'make_game("crowd_modelling")'),
    (FiniteGame, RepresentativeEnv): ("make_game", 'make_game("ring_road")'),
    (FiniteGame, ParallelEnv): ("make_game", 'make_game("sis", setting="two_actions")'),
    (TeamGame,): ("make_game", 'make_game("dispatcher")'),
    (TrafficAssignment,): ("make_game", 'make_game("routing_cycle", cost="bpr")'),
    (ParallelEnv,): ("ring_road_v0", "ring_road_v0.parallel_env(num_agents=10)"),
}
"""What a learner learns from -> what is imported and given to it as an example."""
SETTINGS = {
    "IndependentSB3": "iterations=3, total_timesteps=96, n_steps=32, batch_size=32",
}
"""What makes the example of a learner quick, where three iterations are not."""
WORDS = {
    FiniteGame: "finite game",
    ContinuousGame: "continuous game",
    TeamGame: "team",
    TrafficAssignment: "road network",
    RepresentativeEnv: "one-player environment",
    ParallelEnv: "environment",
}
"""What a learner learns from, in words."""
STUDIED = """\
Exploitability after 200 iterations: ✓ solved, = stands still, ~ goes round, **bold** a bound was
promised and kept.  In brackets: iterations to 1 % of the first exploitability, and CPU seconds.
All solvers beside each other: [the study](../solvers.md).
"""
ONLINE = """\
`mfg-envs reproduce ring-road` runs it as published, with several seeds, and prints published and
measured numbers side by side:

![Learning curves with the published points](../images/ring_road_reproduced.png)
"""
DEEP = (
    "`mfg-envs reproduce deda-fp` compares the three algorithms on three games, 4 seeds each.\n\n"
    "![Exploitability by iteration, beside exact responses](../images/deda_fp.png)"
    "\n\n"
    "![Densities as learned, beside the exact ones](../images/deda_fp_densities.png)"
)
MUNCHAUSEN = """\
Exact exploitability on `four_rooms_grid` (13x13) with default parameters, three seeds, beside
OpenSpiel 2.0.2's `munchausen_deep_mirror_descent` with the settings of its own example (seed 0) on
its four rooms, the same game; policies of both as tables, scored by `exact.exploitability`, and CPU
seconds of learning on one core.  Random play has 167.66.

| DeepMunchausenOMD | seed 0 | 1 | 2 | CPU s | | OpenSpiel | | CPU s |
|---|---|---|---|---|---|---|---|---|
| iteration 1 | 76.2 | 78.3 | 76.2 | 6 | | iteration 1 | 98.1 | 24 |
| 5 | 12.8 | 14.4 | 13.5 | 13 | | 5 | 75.6 | 116 |
| 10 | 6.5 | 6.9 | 6.5 | 23 | | 10 | 45.5 | 220 |
| 15 | 4.2 | 4.3 | 4.2 | 32 | | 14 | 47.3 | 302 |

On an open torus of 320x320 cells (`layout="torus"`, 102 400 states, horizon 20; `hidden=(64, 64)`,
`num_players=10000`) the exploitability falls from 110.7 to 38.2 after 5 iterations (32 CPU s) and
7.1 after 9 (55 s); 1.4 GB of memory.
"""
AMONG_N = (
    "`mfg-envs reproduce n-players`: beside each other and beside a shared PPO, with 10, 100 and"
    " 1000 players on three games."
)
RESULTS = {
    "DeepMunchausenOMD": MUNCHAUSEN,
    "DeepFictitiousPlay": "The curve above; each policy is a table, which is scored exactly.",
    "MeanFieldPPO": "The curve above; each policy is a table, which is scored exactly.",
    "AveragePolicyFictitiousPlay": DEEP,
    "DedaFP": DEEP,
    "SimpleFictitiousPlay": DEEP,
    "QMIteration": ONLINE,
    "SampledFixedPointIteration": ONLINE,
    "SemiSGD": ONLINE,
    "BatchedIndependentPPO": "The curve above; `mfg-envs bench --only batched-ppo` times it.",
    "FrankWolfe": "`examples/price_of_anarchy.py`: what selfish routes cost on three networks.",
    "IndependentQ": AMONG_N,
    "IndependentLearners": "[A model per player](../tutorials/sb3_per_player.md) runs it.",
    "MeanFieldActorCritic": AMONG_N,
    "MeanFieldQ": AMONG_N,
    "IndependentSB3": "[A model per player](../tutorials/sb3_per_player.md) runs it.",
    "PolicyMirrorAscent": "`mfg-envs reproduce pma`: errors against samples and against players.",
    "SubsampleMFQ": "`mfg-envs reproduce subsample`: the gap of the dispatcher against k.",
}
"""Where larger runs of learners are that are not in the study of exact solvers."""


def learners() -> list[Any]:
    """Return every learner of ``agents``, by name."""
    found = [getattr(agents, name) for name in agents.__all__]
    return [one for one in found if hasattr(one, "learn") and not inspect.isabstract(one)]


def page(learner: Any) -> str:
    """Return the page of a learner in Markdown; its curve is ``curves/NAME.svg`` beside it."""
    name, module = learner.__name__, inspect.getmodule(learner)
    about, own = docstrings.prose(module), docstrings.prose(learner)
    head, _, rest = about.partition("\n\n") if about else (own, "", "")
    curve = curve_of(learner)
    file = module.__name__.rsplit(".", 1)[1] if module else ""
    parts = [
        f"# {name}\n",
        docstrings.markdown(head),
        f"![{_caption(name, curve)}](curves/{name}.svg){{ width=640 }}\n\n*{_caption(name, curve)}*"
        if curve
        else "",
        docstrings.markdown(rest.strip("\n")),
        *_theory_of_bases(learner),
        f"## What it does\n\n{docstrings.markdown(own)}" if about else "",
        _use(learner),
        _parameters(learner),
        f"Source: [{file}.py](source/{file}.md).",
        f"## Measured\n\n{_measured(name)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def source(learner: Any) -> tuple[str, str]:
    """Return the path of a page with the learner's file, beside its page, and the page."""
    module: Any = inspect.getmodule(learner)
    stem = module.__name__.rsplit(".", 1)[1]
    code = inspect.getsource(module)
    text = f"# {stem}.py\n\n`agents/{stem}.py`\n\n``` {{.python .of-source}}\n{code}```\n"
    return f"source/{stem}.md", text


def index() -> str:
    """Return the list of all learners in Markdown."""
    rows = []
    for learner in learners():
        head = docstrings.prose(learner).partition("\n")[0]
        name = learner.__name__
        rows.append((f"[`{name}`]({name}.md)", docstrings.markdown(head), _source(learner)))
    told = (
        "# Learners\n\nOne algorithm, one file, one paper.  `learn` yields iterates; you stop.\n\n"
    )
    return told + docstrings.table(("learner", "what it does", "learns from"), rows) + "\n"


def _source(learner: Any) -> str:
    """Return what a learner learns from, in words."""
    return ", ".join(WORDS[kind] for kind in learner.learns)


def _theory_of_bases(learner: Any) -> list[str]:
    """Return the docstrings of the files of the learners from which a learner inherits."""
    files = [inspect.getmodule(base) for base in learner.__mro__[1:] if is_dataclass(base)]
    others = [file for file in files if file is not inspect.getmodule(learner)]
    return [docstrings.markdown(docstrings.prose(file)) for file in dict.fromkeys(others)]


def _use(learner: Any) -> str:
    """Return the section that shows how to run it; a loop over iterates is all there is."""
    name, (names, made) = learner.__name__, EXAMPLES.get(learner.learns, ("", ""))
    if not made or not is_dataclass(learner):
        return ""
    settings = SETTINGS.get(name, "iterations=3")
    return "## Use\n\n" + USE.format(name=name, names=names, settings=settings, source=made)


def _parameters(learner: Any) -> str:
    """Return the section on parameters; a plain class documents its arguments."""
    if is_dataclass(learner):
        return f"## Hyper-parameters\n\n{docstrings.parameters(learner)}"
    rows = list(docstrings.arguments(learner).items())
    cells = [(f"`{name}`", docstrings.markdown(meaning)) for name, meaning in rows]
    return f"## Arguments\n\n{docstrings.table(('argument', 'meaning'), cells)}"


def _caption(name: str, curve: Curve | None) -> str:
    """Return what the curve shows."""
    if curve is None:
        return ""
    settings = ", ".join(f"{key}={value!r}" for key, value in curve.settings.items())
    return f"{name}({settings}): {curve.metric}, measured when these pages were built"


def _measured(name: str) -> str:
    solvers = measured.solvers_of(name)
    if not solvers:
        return RESULTS.get(
            name, f"It takes minutes: `mfg-envs train {name} GAME` runs and measures it."
        )
    study = measured.study()
    head = ("game", "at first", *(study.solvers[solver] for solver in solvers))
    rows = []
    for label, case in study.cases.items():
        ends = [study.ends[solver, label] for solver in solvers]
        cells = [f"{end.exploitability} ({end.work})" for end in ends]
        rows.append((f"`{case.made.strip('`')}`", study.first[label], *cells))
    return STUDIED + "\n" + docstrings.table(head, rows)
