"""``mfg-envs check`` names the fault that is planted in a game, in the user's own file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from agents import cli
from mfg_envs import check_game, make_game
from mfg_envs.registry import TEAM_GAMES

FILE = Path(__file__).with_name("faulty_games.py")

FAULTS = {
    "LosesMass": r"noise_law(t=0, x=3, a=0) sums to 0.9: it must sum to one, or mass is lost",
    "RewardIsNaN": "reward(t=0, x=0, a=0) is nan, m in [",
    "RanksPlayers": "reward gives a player something else when the players are permuted",
    "MeetsEverybody": "step gives a player something else when all others leave",
    "ForgetsTheDecorator": "declares horizon but is no @dataclass itself: decorate it",
    "DrawsItsOwnNoise": "step(t=0) gives something else when it is called again",
    "OverwritesState": "step changes its argument x: compute a new array instead",
    "RewardHasAnAxisTooMany": "reward returns shape (10, 1) for players (10,)",
    "LeavesTheRing": "step(t=0, x=4, a=0, w=1) leads to 5, which is not a state in [0, 5)",
    "StepsByHalves": "step returns float64, states are whole numbers",
    "LawIsTooShort": "initial_law must have shape (num_states,) = (5,), got (2,)",
    "NoWayOut": "state 3 has no legal action",
    "ReadsTheClock": "reward reads t, but horizon is None",
    "ForgetsASize": "fails with AttributeError: 'ForgetsASize' object has no attribute 'cells'",
    "NeedsItsFile": "NeedsItsFile cannot be built (FileNotFoundError: roads.csv)",
    "Unfinished": "Unfinished lacks initial_law, noise_law, reward, step: define them",
    "Melting": "Melting must be declared with @dataclass(frozen=True, kw_only=True)",
    "NoGame": "NoGame must derive from mfg_envs.game.FiniteGame",
    "BeachWithoutEnd": "of the players out of the grid of the density: bounce or clip them",
    "BeachOfNaN": "is nan, m in [",
    "BeachOfNumbers": "step must return a tuple of 1 components",
    "BeachOfRanks": "reward gives a player something else when other players leave",
    "BeachOfTheFirst": "step gives a player something else when other players leave",
    "BeachThatLosesMass": "the density has mass",
    "BeachOfChance": "reward(t=0) gives something else when it is called again",
    "TeamLosesMass": "noise_law_local(x=0, x_g=0, a=0) sums to 0.9: it must sum to one",
    "TeamLeavesTheRing": "step_local(x=3, x_g=0, a=0, w=1) leads to 4, which is not a state in",
    "LeaderLeavesTheRing": "step_global(x_g=0, a_g=3, w_g=0) leads to 4, which is not a state in",
    "TeamOfRanks": "reward_local gives a local something else when the locals are permuted",
    "TeamOfTheFirst": "step_local gives a local something else when",
    "TeamOfNaN": "is nan, m in [0, 1]: it must be finite in every m",
    "TeamOfChance": "step_local gives something else when it is called again",
    "TeamCountsBadly": "global_from_locals gives 4, which is not a state in [0, 4)",
}


@pytest.fixture(autouse=True)
def own_modules(monkeypatch):
    """Leave the modules and the path of this process as they were."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, FILE.stem, raising=False)
    yield
    sys.modules.pop(FILE.stem, None)


def check(*words):
    return CliRunner().invoke(cli.app, ["check", *words], env={"COLUMNS": "100"})


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # logarithms and roots of planted faults
@pytest.mark.parametrize(("name", "sentence"), FAULTS.items(), ids=FAULTS)
def test_a_planted_fault_is_named(name, sentence, use):
    use("numpy")
    ended = check(f"{FILE}:{name}")
    assert ended.exit_code == 1, ended.output
    assert sentence in ended.output
    assert "keeps the contract" not in ended.output


@pytest.mark.parametrize(
    ("name", "kind", "clauses"),
    [("Walk", "finite game", 14), ("Beach", "continuous game", 8), ("Follow", "team game", 11)],
)
def test_a_sound_game_gets_a_table_of_what_was_checked(name, kind, clauses, use):
    use("numpy")
    ended = check(f"{FILE}:{name}")
    assert ended.exit_code == 0, ended.output
    assert f"{name}(), {kind}" in ended.output
    assert sum(line.startswith("  ok ") for line in ended.output.splitlines()) == clauses
    assert ended.output.endswith(f"{name} keeps the contract.\n")


def test_parameters_are_set(use):
    use("numpy")
    ended = check(f"{FILE}:Walk", "--set", "places_=3", "--set", "price=2")
    assert ended.exit_code == 0
    assert "Walk(places_=3, price=2), finite game" in ended.output


BAD_USE = [
    (f"{FILE}:Wlk", "has no class 'Wlk'; did you mean 'Walk'?"),
    (f"{FILE}", "write MODULE:CLASS or FILE.py:CLASS, got "),
    ("nowhere.py:Walk", "there is no file nowhere.py"),
    (":", "write MODULE:CLASS or FILE.py:CLASS, got ':'"),
    ("sis", "sis is a game of ours: write mfg_envs.games.sis:SIS"),
    ("no_such_module:Walk", "no module is called 'no_such_module', in "),
    ("mfg_envs.games.no_such:Walk", "no module is called 'mfg_envs.games.no_such'"),
    (f"{FILE}:Walk --set plces_=3", "Walk has no parameter 'plces_'; did you mean 'places_'"),
    (f"{FILE}:Walk --set places_=1", "Walk: places_ must be at least 2, got 1"),
    (f"{FILE}:Walk --set price=x", "Walk: price must be a number, got 'x'"),
    ("mfg_envs.metrics.social_optimum:Altruistic", "without a default: give --set game=..."),
]


@pytest.mark.parametrize(("words", "message"), BAD_USE, ids=[m for _, m in BAD_USE])
def test_bad_use_is_said_in_one_line(words, message, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["mfg-envs", "check", *words.split()])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def f(:\n", "broken.py cannot be imported: SyntaxError"),
        ("import no_such_thing\n", "broken.py cannot be imported: No module named 'no_such_thing'"),
        ("open('no_such_file')\n", "broken.py cannot be imported: [Errno 2]"),
        (
            "import json\njson.loads('x')\n",
            "broken.py cannot be imported: JSONDecodeError: Expecting value: line 1 column 1"
            " (char 0) (broken.py, line 2)",
        ),
    ],
)
def test_a_module_that_cannot_be_imported_is_faulty(text, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("broken.py").write_text(text)
    ended = check("broken.py:Game")
    assert ended.exit_code == 1
    assert f"Fault: {message}" in ended.output


def test_a_module_of_the_current_folder_is_found_in_a_process_of_its_own(tmp_path):
    source = FILE.read_text("utf-8")
    (tmp_path / "my_games.py").write_text(source)
    codes = {}
    numpy = {**os.environ, "MFG_ENVS_BACKEND": "numpy"}
    for name in ("Walk", "LosesMass"):
        command = [sys.executable, "-c", "from agents.cli import main; main()"]
        done = subprocess.run(
            [*command, "check", f"my_games:{name}"],
            cwd=tmp_path,
            env=numpy,
            capture_output=True,
            text=True,
        )
        codes[name] = done.returncode
        assert "Traceback" not in done.stderr
    assert codes == {"Walk": 0, "LosesMass": 1}


@pytest.mark.parametrize("name", TEAM_GAMES)
def test_every_team_game_keeps_the_contract(name):
    check_game(make_game(name))
