"""Imports point one way, in no circle, and files stay short: read off the sources of all modules.

Nothing is listed but the floors below the views: a module that is on none of them is a view, so
that a new one is looked at from its first day.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

LONGEST = 300
PACKAGES = ("mfg_envs", "wrappers", "agents")
"""Bottom first: none imports one that comes later."""
DEFINITIONS = (
    *("layout", "parameters", "game", "continuous_game", "team_game"),
    *("random", "elementary", "components"),
)
"""What a game is, and numbers: all that a game file may import of ours beside other games."""
SOLVERS = (
    *(
        "policies",
        "dependence",
        "compiled",
        "sensitivity",
        "tables",
        "stationary",
        "exact",
        "passes",
    ),
    *("blocks", "sweeps", "choice", "restrict", "recycled", "memory", "kernels"),
    *("team_tables", "team_kernels", "density", "continuous_kernels", "discretise", "riccati"),
    *("finite_riccati", "deviations", "regularised", "distances", "welfare", "grid_response"),
)
"""Modules that know games, and nothing of environments."""
FLOORS = ("definitions", "games", "solvers", "views")
"""Of ``mfg_envs``, bottom first."""
FOREIGN = {"gymnasium", "pettingzoo", "torch", "stable_baselines3", "matplotlib"}
"""What only views, wrappers and learners know."""
CIRCLES = (
    {"mfg_envs.game.continuous", "mfg_envs.game.density"},
    {"mfg_envs.game.team", "mfg_envs.exact.team_tables"},
    {"mfg_envs.simulate.batch", "mfg_envs.simulate.continuous"},
    {"agents.independent.batched_ppo", "agents.independent.ppo_rollout"},
    {"agents.deep_play.deep_fictitious_play", "agents.deep_play.response"},
)
"""Modules that still import each other, one of them late or for a type: may only become fewer."""


def sources(package):
    """Return the files of a package, wherever it is installed."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else []
    return sorted(file for folder in folders for file in Path(folder).rglob("*.py"))


def module_of(package, file):
    folder = next(Path(f) for f in importlib.util.find_spec(package).submodule_search_locations)
    parts = [package, *file.relative_to(folder).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(source, module=("package", "module"), is_package=False, known=()):
    """Return what a source imports, at its top or inside functions.

    Of ``from a import b`` that is ``a.b`` if it is among the known modules, otherwise ``a``.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = node.level - (1 if is_package else 0)
            home = list(module[: len(module) - up]) if node.level else []
            home = ".".join([*home, *([node.module] if node.module else [])])
            inside = {f"{home}.{alias.name}" for alias in node.names}
            names |= {name if name in known else home for name in inside}
    return names


def read_graph():
    """Return what every module imports: full name -> full names."""
    files = {}
    for package in PACKAGES:
        files |= {".".join(module_of(package, file)): file for file in sources(package)}
    return {
        name: imports(file.read_text("utf-8"), name.split("."), file.name == "__init__.py", files)
        for name, file in files.items()
    }


GRAPH = read_graph()


def floor_of(module):
    """Return the number of the floor of a module of ``mfg_envs``."""
    name = module.removeprefix("mfg_envs.")
    if name in DEFINITIONS:
        return FLOORS.index("definitions")
    if name.split(".")[0] == "games":
        return FLOORS.index("games")
    return FLOORS.index("solvers" if name in SOLVERS else "views")


def climbs(graph):
    """Return every import that leads upwards, in words."""
    found = []
    for module, known in graph.items():
        package, *rest = module.split(".")
        for name in sorted(known):
            other, *inside = name.split(".")
            if other in PACKAGES and PACKAGES.index(other) > PACKAGES.index(package):
                found.append(f"{module} imports {name}: {package} is below {other}")
            elif other in ("tests", "examples"):
                found.append(f"{module} imports {name}, which is no part of it")
            elif name in graph and package == other == "mfg_envs":
                low, high = floor_of(module), floor_of(name)
                if low < high and {module, name} not in CIRCLES:
                    found.append(f"{module} ({FLOORS[low]}) imports {name} ({FLOORS[high]})")
            elif package == other == "agents" and inside[:1] == ["cli"] != rest[:1]:
                found.append(f"{module} imports {name}: the commands are on top")
    return found


def circles(graph):
    """Return the largest sets of modules that import each other, directly or not (Tarjan 1972)."""
    number, lowest, path, found = {}, {}, [], []

    def visit(module):
        number[module] = lowest[module] = len(number)
        path.append(module)
        for other in sorted(graph[module] & graph.keys() - {module}):
            if other not in number:
                visit(other)
            if other in path:
                lowest[module] = min(lowest[module], lowest[other])
        if lowest[module] == number[module]:
            circle = set(path[path.index(module) :])
            del path[path.index(module) :]
            if len(circle) > 1:
                found.append(circle)

    for module in graph:
        if module not in number:
            visit(module)
    return found


def test_the_reader_of_imports_sees_every_form():
    source = (
        "import a.b, c as d\nfrom e import f\nfrom . import g\nfrom ..h import i\n"
        "def late():\n    from j.k import l\n"
    )
    known = ("p.q.g", "j.k.l")
    found = imports(source, ("p", "q", "r"), known=known)
    assert {"a.b", "c", "e", "p.q.g", "p.h", "j.k.l"} == found
    assert imports("from .x import y", ("p", "q"), is_package=True) == {"p.q.x"}


def test_every_module_is_read_and_every_name_of_a_list_is_one():
    assert len(GRAPH) == sum(len(sources(package)) for package in PACKAGES)
    for name in (
        "mfg_envs.simulate.snapshot",
        "mfg_envs.pictures.axis",
        "agents.cli.reproduce.pma.command",
    ):
        assert name in GRAPH
    listed = [f"mfg_envs.{name}" for name in DEFINITIONS + SOLVERS]
    assert sorted(set(listed)) == sorted(listed)
    assert set(listed) <= GRAPH.keys()


def test_imports_lead_down():
    assert climbs(GRAPH) == []


@pytest.mark.parametrize(
    ("module", "other", "fault"),
    [
        (
            "mfg_envs.exact.tables",
            "mfg_envs.simulate.batch",
            "tables (solvers) imports mfg_envs.simulate.batch (views)",
        ),
        (
            "mfg_envs.exact.tables",
            "mfg_envs.simulate.snapshot",
            "imports mfg_envs.simulate.snapshot (views)",
        ),
        ("mfg_envs.exact.tables", "mfg_envs.written_tomorrow", "written_tomorrow (views)"),
        ("mfg_envs.games.sis", "mfg_envs.exact", "games.sis (games) imports mfg_envs.exact"),
        ("mfg_envs.game", "mfg_envs.games.sis", "game (definitions) imports mfg_envs.games.sis"),
        ("mfg_envs.simulate.batch", "agents.run", "mfg_envs is below agents"),
        ("mfg_envs.simulate.batch", "wrappers.player_env", "mfg_envs is below wrappers"),
        ("wrappers.player_env", "agents", "wrappers is below agents"),
        ("agents.run", "agents.cli.words.tables", "the commands are on top"),
        ("agents", "agents.cli", "the commands are on top"),
        ("agents.run", "tests.conftest", "which is no part of it"),
    ],
)
def test_a_planted_import_upwards_is_found(module, other, fault):
    graph = {**GRAPH, other: GRAPH.get(other, set()), module: GRAPH[module] | {other}}
    (found,) = climbs(graph)
    assert fault in found


def test_no_circle_is_new_and_those_that_are_open_are_taken_off_the_list():
    found = circles(GRAPH)
    assert [circle for circle in found if circle not in CIRCLES] == []
    assert [circle for circle in CIRCLES if circle not in found] == []


def test_planted_circles_are_found():
    assert circles({"a": {"b"}, "b": {"c", "x"}, "c": set()}) == []
    assert circles({"a": {"b"}, "b": {"a"}, "c": {"a", "c"}}) == [{"a", "b"}]
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}}) == [
        {"d", "e"}, {"a", "b", "c"},
    ]  # fmt: skip
    graph = {**GRAPH, "mfg_envs.exact": GRAPH["mfg_envs.exact"] | {"mfg_envs.metrics"}}
    (new,) = (circle for circle in circles(graph) if circle not in CIRCLES)
    assert {"mfg_envs.exact", "mfg_envs.metrics"} <= new


def test_games_and_solvers_do_not_know_environments():
    views = FLOORS.index("views")
    for name in (name for name in GRAPH if name.startswith("mfg_envs.")):
        if floor_of(name) < views:
            assert not FOREIGN & {known.split(".")[0] for known in GRAPH[name]}, name


def test_a_game_imports_numpy_and_what_a_game_is():
    allowed = {"numpy", "mfg_envs", "typing_extensions", *sys.stdlib_module_names}
    for name in (name for name in GRAPH if name.startswith("mfg_envs.games")):
        assert {known.split(".")[0] for known in GRAPH[name]} <= allowed, name


def test_a_game_knows_how_it_is_drawn_and_no_other_module_of_ours():
    ours = {
        "layout": set(),
        "parameters": set(),
        "game": {"mfg_envs.game.layout", "mfg_envs.game.parameters"},
    }
    for name, wanted in ours.items():
        known = GRAPH[f"mfg_envs.{name}"]
        assert {other for other in known if other.startswith("mfg_envs")} == wanted


@pytest.mark.parametrize("package", ["agents", "wrappers"])
def test_siblings_are_imported_relatively(package):
    for file in sources(package):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] != package, f"{file.name}, line {node.lineno}"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_is_long(package):
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in sources(package)}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
