"""What all commands share: help, version, completion, exit codes, a start that does not wait."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields

import pytest
import typer
from typer.testing import CliRunner

from agents import cli
from agents.cli import COMMANDS, app
from agents.cli.listing import offered_learners
from agents.cli.words.docstrings import attributes
from agents.cli.words.examples import EXAMPLES
from agents.cli.words.names import complete_game, complete_learner, learner_class
from mfg_envs import __version__
from mfg_envs.registry import CONTINUOUS_GAMES, GAMES, TEAM_GAMES

RUN = (sys.executable, "-c", "from agents.cli import main; main()")
NAMES = (*GAMES, *CONTINUOUS_GAMES, *TEAM_GAMES)


def invoke(*words, columns=80, **environment):
    return CliRunner().invoke(app, words, env={"COLUMNS": str(columns), **environment})


def loaded(code, **environment):
    """Return the modules that a process of its own has loaded at its end, and what it printed."""
    tell = "\nimport sys\nprint(*sys.modules, file=sys.stderr)"
    body = f"try:\n {code}\nexcept SystemExit: pass{tell}"
    done = subprocess.run(
        [sys.executable, "-c", body],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.split()), done.stdout


HEAVY = {"torch", "numba", "matplotlib", "stable_baselines3", "pygame", "PIL", "scipy", "jax"}


def test_every_command_has_examples_in_its_help_that_can_be_read():
    assert set(COMMANDS) <= set(EXAMPLES)
    group = typer.main.get_command(app)
    for name in COMMANDS:
        shown = " ".join(invoke(name, "--help", columns=120).output.split())
        assert 2 <= len(EXAMPLES[name]) <= 3
        for line in EXAMPLES[name]:
            assert line in shown
            program, called, *words = shlex.split(line.partition("|")[0])
            assert (program, called) == ("mfg-envs", name)
            command = group.get_command(None, name)
            command.make_context(name, [word for word in words if word != "--help"])


def test_the_help_names_every_command():
    shown = invoke("--help").output
    assert all(re.search(rf"^│ {name} ", shown, re.MULTILINE) for name in COMMANDS)
    assert "mfg-envs list" in shown


def test_version():
    assert invoke("--version").output == f"mfg-envs {__version__}\n"


def test_an_unknown_command_is_bad_use():
    ended = invoke("lst")
    assert ended.exit_code == 2
    assert "No command is called 'lst'; did you mean 'list'" in ended.output


@pytest.mark.parametrize("columns", [80, 120])
def test_the_list_is_one_table_with_a_line_for_each(columns):
    lines = invoke("list", columns=columns).output.splitlines()
    assert len(lines) < 70
    assert max(map(len, lines)) <= columns
    for name in (*NAMES, "SemiSGD", "IndependentLearners"):
        assert sum(line.split()[:1] == [name] for line in lines) == 1
    clocks = {line[:31].strip(): line[31:42].strip() for line in lines}
    assert clocks["sis"] == "endless"
    assert clocks["left_right"] == "T = 2"
    assert clocks["SubsampleMFQ"] == "team"


@pytest.mark.parametrize(
    ("game", "words"),
    [
        ("sis", "recovery 0.1 Chance of recovering in one step; in [0, 1]."),
        ("sis", 'mean-field limit mfg_envs.sis_v0.parallel_env(..., mode="mean_field")'),
        ("sis", "known solution In equilibrium the susceptible are indifferent."),
        ("four_rooms", "noise_scale 0.01 Standard deviation of the noise; positive."),
        ("four_rooms", "private state [0, 0.5] x [0, 0.5]"),
        ("dispatcher", "local agents 5 states, 1 actions each"),
        ("dispatcher", "known solution A dispatcher that never leaves its zone"),
        ("ring_road", "known solution none is known; train, then evaluate, says how near"),
        ("mf_garnet", "known solution None is known in advance"),
    ],
)
def test_show_is_complete(game, words):
    shown = " ".join(invoke("show", game, columns=200).output.split())
    shown = re.sub(r"noise_scale \S+ ", "noise_scale 0.01 ", shown)
    assert words in shown


@pytest.mark.parametrize("name", NAMES)
def test_show_fits_its_columns(name):
    ended = invoke("show", name)
    assert ended.exit_code == 0
    assert max(map(len, ended.output.splitlines())) <= 80


def test_show_tells_the_parameters_of_a_learner():
    shown = " ".join(invoke("show", "SemiSGD").output.split())
    assert "inner_steps 500 Transitions between two iterates; at least 1." in shown
    assert "mfg-envs train SemiSGD GAME" in shown
    assert "learns from finite games random yes several seeds side by side" in shown
    assert "unit of heat per unit of q unit of q_scale units of q" in shown
    exact = " ".join(invoke("show", "PolicyIteration").output.split())
    assert "random no: its seed changes nothing several seeds one by one" in exact
    refused = invoke("show", "SemiSGD", "--set", "alpha=1")
    assert "SemiSGD is a learner" in str(refused.exception)
    unknown = str(invoke("show", "SemiSDG").exception)
    assert unknown == "no game or learner is called 'SemiSDG'; did you mean 'SemiSGD'?"


def test_a_class_that_takes_an_environment_runs_by_its_name():
    assert learner_class("IndependentLearners").__name__ == "IndependentSB3"
    assert "mfg-envs train IndependentLearners GAME" in invoke("show", "IndependentLearners").output


@pytest.mark.parametrize("name", sorted(c.__name__ for c in offered_learners()))
def test_show_says_something_of_every_parameter_of_a_learner(name):
    ended = invoke("show", name)
    assert ended.exit_code == 0, ended.output
    assert max(map(len, ended.output.splitlines())) <= 80
    cls = learner_class(name)
    assert all(attributes(cls).get(field.name) for field in fields(cls))


def test_show_refuses_a_picture_without_a_folder_before_it_prints():
    ended = invoke("show", "sis", "--save", "no/x.png")
    assert "there is no folder no to write x.png in" in str(ended.exception)
    assert ended.output == ""


def test_names_are_completed():
    assert complete_game("four") == ["four_rooms_grid", "four_rooms"]
    assert complete_learner("Sem") == ["SemiSGD"]
    wanted = ["IndependentLearners", "IndependentQ", "IndependentSB3"]
    assert complete_learner("Independent") == wanted
    assert complete_learner("x") == []


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("mfg-envs tra", {"train"}),
        ("mfg-envs train SemiS", {"SemiSGD"}),
        ("mfg-envs sweep SemiSGD ring_", {"ring_road"}),
        ("mfg-envs show no_", {"no_interaction_chain"}),
    ],
)
def test_a_shell_completes(words, wanted):
    asked = {
        "_MFG_ENVS_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
    }
    ended = CliRunner().invoke(app, [], env=asked, prog_name="mfg-envs")
    assert set(ended.output.split()) == wanted


def test_completion_loads_nothing_heavy():
    modules, said = loaded(
        "import sys; sys.argv = ['mfg-envs']; from agents.cli import main; main()",
        _MFG_ENVS_COMPLETE="complete_bash",
        COMP_WORDS="mfg-envs play sis --policy x dis",
        COMP_CWORD="2",
    )
    assert "sis" in said
    assert not modules & HEAVY


def test_a_start_loads_what_it_needs():
    modules, _ = loaded("import mfg_envs")
    assert not modules & {*HEAVY, "rich", "typer", "agents", "wrappers"}
    modules, said = loaded(
        "import sys; sys.argv = ['mfg-envs', 'list']; from agents.cli import main; main()"
    )
    assert "ring_road" in said
    assert not modules & HEAVY
    assert not any(f"agents.cli.{name}" in modules for name in COMMANDS if name != "list")


def test_a_reader_that_leaves_early_is_no_error():
    with subprocess.Popen(
        [*RUN, "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdout.close()
        assert process.wait() == 0
        assert process.stderr.read() == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [(KeyboardInterrupt(), 130), (ValueError("bad value"), 2), (OSError("disk full"), 2)],
)
def test_how_a_command_ends_is_told_by_its_code(error, code, monkeypatch, capsys):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("sys.argv", ["mfg-envs", "list"])
    monkeypatch.setattr(cli, "app", fail)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    assert capsys.readouterr().err == (f"mfg-envs: {error}\n" if code == 2 else "")
