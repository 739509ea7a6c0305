"""Imports point one way, and files stay short: read off the sources."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

LONGEST = 300
BELOW_GAMES = (
    *("layout", "game", "continuous_game", "team_game"),
    *("random", "elementary", "components", "memory"),
)
"""What a game is, and numbers: all that a game file may import of ours beside other games."""
SOLVERS = (
    "policies",
    "dependence",
    "compiled",
    "sensitivity",
    "tables",
    *("initial_laws", "elimination"),
    "stationary",
    "exact",
    "passes",
    *("blocks", "sweeps", "choice", "restrict", "recycled"),
    "kernels",
    "team_tables",
    "team_kernels",
    "density",
    "continuous_kernels",
    "discretise",
    "riccati",
    *("finite_riccati", "deviations"),
    *("regularised", "distances", "welfare", "grid_response"),
)
"""Modules that know games, and nothing of environments."""
VIEWS = (
    *("batch", "observation", "parallel", "representative", "registry", "testing"),
    *("team", "team_batch", "team_observation", "drawing", "pictures"),
    *("approximate_exploitability", "metrics"),
    *("deviating_population", "nash_gap"),
)


def sources(package):
    """Return the files of a package, wherever it is installed."""
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else []
    return sorted(file for folder in folders for file in Path(folder).rglob("*.py"))


def module_of(package, file):
    folder = next(Path(f) for f in importlib.util.find_spec(package).submodule_search_locations)
    parts = [package, *file.relative_to(folder).with_suffix("").parts]
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports(source, module=("package", "module"), is_package=False):
    """Return the full names a source imports, at its top or inside functions."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            up = node.level - (1 if is_package else 0)
            home = list(module[: len(module) - up]) if node.level else []
            home = ".".join([*home, *([node.module] if node.module else [])])
            names |= {home, *(f"{home}.{alias.name}" for alias in node.names)}
    return names


def imported_by(package, file):
    return imports(file.read_text("utf-8"), module_of(package, file), file.name == "__init__.py")


def ids(file):
    return "/".join(file.parts[-2:])


def test_the_reader_of_imports_sees_every_form():
    source = (
        "import a.b, c as d\nfrom e import f\nfrom . import g\nfrom ..h import i\n"
        "def late():\n    from j.k import l\n"
    )
    found = imports(source, ("p", "q", "r"))
    assert {"a.b", "c", "e", "e.f", "p.q", "p.q.g", "p.h", "p.h.i", "j.k", "j.k.l"} == found
    assert imports("from .x import y", ("p", "q"), is_package=True) == {"p.q.x", "p.q.x.y"}


def test_there_are_sources_to_read():
    assert len(sources("mfg_envs")) > 10
    assert len(sources("agents")) > 1


@pytest.mark.parametrize("file", sources("mfg_envs"), ids=ids)
def test_mfg_envs_imports_neither_learners_nor_wrappers(file):
    packages = {name.split(".")[0] for name in imported_by("mfg_envs", file)}
    assert not packages & {"agents", "wrappers", "tests", "examples"}


@pytest.mark.parametrize("file", sources("wrappers"), ids=ids)
def test_wrappers_never_import_learners(file):
    packages = {name.split(".")[0] for name in imported_by("wrappers", file)}
    assert not packages & {"agents", "tests", "examples"}


@pytest.mark.parametrize("file", sources("mfg_envs.games"), ids=ids)
def test_a_game_imports_what_a_game_is_numbers_and_other_games(file):
    allowed = {"numpy", "mfg_envs", "typing_extensions", *sys.stdlib_module_names}
    names = imported_by("mfg_envs.games", file)
    assert {name.split(".")[0] for name in names} <= allowed
    ours = {name.split(".")[1] for name in names if name.startswith("mfg_envs.")}
    assert ours <= {"games", *BELOW_GAMES}


@pytest.mark.parametrize("name", BELOW_GAMES + SOLVERS)
def test_games_and_solvers_do_not_know_environments(name):
    file = next(file for file in sources("mfg_envs") if file.name == f"{name}.py")
    known = imported_by("mfg_envs", file)
    assert not known & {f"mfg_envs.{view}" for view in VIEWS}
    packages = {name.split(".")[0] for name in known}
    assert not packages & {"gymnasium", "pettingzoo", "torch", "stable_baselines3", "matplotlib"}


def test_a_game_knows_how_it_is_drawn_and_no_other_module_of_ours():
    for name, known in (("layout.py", set()), ("game.py", {"layout", "layout.Layout"})):
        file = next(file for file in sources("mfg_envs") if file.name == name)
        ours = {full for full in imported_by("mfg_envs", file) if full.startswith("mfg_envs")}
        assert ours == {f"mfg_envs.{module}" for module in known}


@pytest.mark.parametrize("package", ["agents", "wrappers"])
def test_siblings_are_imported_relatively(package):
    for file in sources(package):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert node.module.split(".")[0] != package, f"{file.name}, line {node.lineno}"


@pytest.mark.parametrize("package", ["mfg_envs", "agents", "wrappers"])
def test_no_file_is_long(package):
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in sources(package)}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
