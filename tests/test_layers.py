"""Imports run down only, without circles, and files stay short: read off the sources.

``FLOORS`` is the plan of the house, the bottom first.  Every module is found by itself and must
have a room in it; a module imports its own room and rooms on lower floors.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LONGEST = 300
MOST_MODULES = 15
FLOORS = (
    ("mfg_envs.game",),
    ("mfg_envs.numerics", "mfg_envs.pictures"),
    ("mfg_envs.games", "mfg_envs.soundness"),
    ("mfg_envs.players",),
    ("mfg_envs.exact",),
    ("mfg_envs.simulate",),
    ("mfg_envs.environments", "mfg_envs.metrics", "mfg_envs.testing"),
    ("mfg_envs.registry",),
    ("mfg_envs.v0", "mfg_envs.policies", "mfg_envs.riccati"),
    ("mfg_envs",),
    ("wrappers",),
    ("agents.runs",),
    (
        *("agents.solvers", "agents.single_path", "agents.subsample", "agents.deep_play"),
        *("agents.independent", "agents.sweep"),
    ),
    ("agents.mirror_ascent", "agents.deep_finite", "agents.sb3", "agents.figures"),
    ("agents.n_players",),
    ("agents",),
    ("agents.cli",),
)
"""Rooms by floor; a package's own name is its ``__init__``."""
PURE = (
    *("mfg_envs.game", "mfg_envs.numerics", "mfg_envs.games"),
    *("mfg_envs.soundness", "mfg_envs.exact"),
)
"""Rooms that know nothing of environments, networks or pictures."""
FOREIGN = {"gymnasium", "pettingzoo", "torch", "stable_baselines3", "matplotlib"}
ONE_KIND = {"mfg_envs.games", "mfg_envs.v0", "wrappers"}
"""Rooms that may have many files, for all their files are the same kind of thing."""
Graph = Mapping[str, Iterable[str]]


def sources(package):
    """Return the files of a package by module name, wherever it is installed."""
    (folder,) = (Path(f) for f in importlib.util.find_spec(package).submodule_search_locations[:1])
    found = {}
    for file in sorted(folder.rglob("*.py")):
        parts = [package, *file.relative_to(folder).with_suffix("").parts]
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


ALL = {name: f for p in ("mfg_envs", "wrappers", "agents") for name, f in sources(p).items()}


def imports(source, module="package.module", is_package=False):
    """Return the (module, name) pairs a source imports, at its top or inside functions."""
    parts, found = module.split("."), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {(alias.name, "") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = node.level - (1 if is_package else 0)
            home = parts[: len(parts) - up] if node.level else []
            home = ".".join([*home, *([node.module] if node.module else [])])
            found |= {(home, alias.name) for alias in node.names}
    return found


def graph_of(files):
    """Return module -> modules among ``files`` that it imports."""
    graph = {}
    for name, file in files.items():
        found = imports(file.read_text("utf-8"), name, file.name == "__init__.py")
        full = {f"{home}.{what}" if f"{home}.{what}" in files else home for home, what in found}
        graph[name] = (full & set(files)) - {name}
    return graph


def room(module):
    """Return the room of a module: the longest name in ``FLOORS`` that it begins with."""
    rooms = [r for floor in FLOORS for r in floor if f"{module}.".startswith(f"{r}.")]
    best = max(rooms, key=len, default="")
    exact = module in ("mfg_envs", "agents") or best not in ("mfg_envs", "agents")
    return best if best and exact else None


def floor(name):
    return next(i for i, rooms in enumerate(FLOORS) if name in rooms)


def faults(graph: Graph):
    """Return what is wrong with the imports of modules, a sentence each."""
    wrong = [f"{module} has no room in FLOORS" for module in graph if room(module) is None]
    housed = {m: [n for n in seen if room(n)] for m, seen in graph.items() if room(m)}
    for module, seen in sorted(housed.items()):
        for other in sorted(seen):
            here, there = room(module), room(other)
            if here != there and floor(here) <= floor(there):
                wrong.append(f"{module} imports {other}, which does not stand below it")
    try:
        TopologicalSorter(housed).prepare()
    except CycleError as error:
        wrong.append(f"circle: {' <- '.join(error.args[1])}")
    return wrong


GRAPH = graph_of(ALL)


def test_the_reader_of_imports_sees_every_form():
    source = (
        "import a.b, c as d\nfrom e import f\nfrom . import g\nfrom ..h import i\n"
        "def late():\n    from j.k import l\n"
    )
    assert imports(source, "p.q.r") == {
        *{("a.b", ""), ("c", ""), ("e", "f"), ("p.q", "g"), ("p.h", "i"), ("j.k", "l")}
    }
    assert imports("from .x import y", "p.q", is_package=True) == {("p.q.x", "y")}


def test_planted_faults_are_seen():
    """A view in a solver, a room that is not in the plan, a circle, imports between neighbours."""
    clean = {"mfg_envs.exact.tables": [], "mfg_envs.simulate.batch": ["mfg_envs.exact.tables"]}
    assert faults(clean) == []
    assert faults({**clean, "mfg_envs.exact.tables": ["mfg_envs.simulate.snapshot"]})
    assert faults({**clean, "mfg_envs.helpers": []}) == ["mfg_envs.helpers has no room in FLOORS"]
    a, b = "mfg_envs.game.a", "mfg_envs.game.b"
    assert faults({a: [b], b: [a]})[0].startswith("circle")
    assert faults({"agents.solvers.a": ["agents.sweep.b"], "agents.sweep.b": []})


def test_imports_run_down_only_and_in_no_circle():
    assert len(GRAPH) > 150
    assert faults(GRAPH) == []


def test_games_and_solvers_know_no_environment_and_no_network():
    for name, file in ALL.items():
        if room(name) in PURE:
            packages = {home.split(".")[0] for home, _ in imports(file.read_text("utf-8"), name)}
            assert not packages & FOREIGN, name


def test_a_game_imports_what_a_game_is_numbers_other_games_and_numpy():
    allowed = {"numpy", "mfg_envs", "typing_extensions", *sys.stdlib_module_names}
    for name, file in sources("mfg_envs.games").items():
        found = imports(file.read_text("utf-8"), name, file.name == "__init__.py")
        assert {home.split(".")[0] for home, _ in found} <= allowed, name
        rooms = {room(other) for other in GRAPH[name]}
        assert rooms <= {"mfg_envs.game", "mfg_envs.games", "mfg_envs.numerics"}, name
        assert "mfg_envs.numerics.compiler" not in GRAPH[name], name


@pytest.mark.parametrize("package", ["agents", "wrappers"])
def test_siblings_are_imported_relatively(package):
    for name, file in sources(package).items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] != package, f"{name}, line {node.lineno}"


def test_no_file_is_long_and_no_room_is_full():
    lengths = {name: len(file.read_text("utf-8").splitlines()) for name, file in ALL.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    folders = {}
    for name, file in ALL.items():
        if file.name != "__init__.py":
            folders.setdefault(name.rpartition(".")[0], []).append(name)
    full = {home: len(found) for home, found in folders.items() if len(found) > MOST_MODULES}
    assert set(full) <= ONE_KIND, full


def test_no_test_is_long():
    files = Path(__file__).parent.rglob("*.py")
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in files}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_no_front_page_hides_a_module_behind_a_name():
    hidden = [
        f"{package}.{name}"
        for package, file in ALL.items()
        if file.name == "__init__.py"
        for home, name in imports(file.read_text("utf-8"), package, is_package=True)
        if f"{package}.{name}" in ALL and home != package
    ]
    assert hidden == []


def test_every_package_is_in_the_wheel():
    file = Path(__file__).parents[1] / "pyproject.toml"
    listed = set(
        re.findall(r'^    "((?:mfg_envs|wrappers|agents)[\w.]*)",$', file.read_text(), re.M)
    )
    found = {
        name
        for package in ("mfg_envs", "wrappers", "agents")
        for name, source in sources(package).items()
        if source.name == "__init__.py"
    }
    assert listed == found
