import json

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("stable_baselines3")

from agents import cli
from agents.cli.reproduce.n_players import command, study
from agents.cli.reproduce.n_players.study import Result

cli.load()
TINY = study.setting(quick=True)


def test_all_play_as_many_steps():
    chosen = study.setting()
    for N in chosen.sizes:
        for learner in study.learners(chosen, N).values():
            assert (learner.iterations + 1) * learner.num_steps == chosen.steps
            assert learner.num_players == N
    assert chosen.steps % chosen.every == 0  # PPO plays whole rollouts


@pytest.mark.parametrize("title", ["ring road", "four rooms"])
def test_shared_ppo_is_a_table_of_the_game_and_repeats(title):
    game = TINY.games[title]
    policy, seconds = study.shared_ppo(TINY, game, 3, seed=1)
    again, _ = study.shared_ppo(TINY, game, 3, seed=1)
    clock = () if game.horizon is None else (game.horizon,)
    assert policy.shape == (*clock, game.num_states, game.num_actions) and seconds > 0
    assert np.array_equal(policy, again)


def test_checks_are_of_many_players_and_tell_what_is_missed():
    results = [
        Result("SIS", "A", 10, [0.3], [1.0]),
        Result("SIS", "A", 100, [0.1, 0.3], [1.0, 1.0]),
        Result("SIS", "B", 100, [0.1], [1.0]),
    ]
    checks = command._checks({"SIS": 0.25}, results)
    assert [check["held"] for check in checks] == [False, True]
    np.testing.assert_allclose([check["share_of_uniform"] for check in checks], [0.8, 0.4])


def test_quick_reproduction_writes_table_figure_and_data(tmp_path):
    words = ["reproduce", "n-players", "--quick", "--out", str(tmp_path)]
    first = CliRunner().invoke(cli.app, words)
    assert first.exit_code == 0, first.output
    for part in ("after 20 steps", "MeanFieldActorCritic", "uniform 10.4", "N = 3", "CPU s"):
        assert part in first.output
    assert (tmp_path / "n_players.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "n_players.json").read_text())
    assert len(content["results"]) == 3 * 4 and content["steps"] == 20
    assert all(len(r["exploitability"]) == len(r["seconds"]) == 2 for r in content["results"])
    again = CliRunner().invoke(cli.app, words)  # nothing is run again
    assert again.exit_code == 0
    assert json.loads((tmp_path / "n_players.json").read_text()) == content


@pytest.mark.slow
def test_a_hundred_players_learn_by_every_learner():
    chosen = study.setting()._replace(sizes=(100,), seeds=1)
    game = chosen.games["ring road"]
    for name in (*study.learners(chosen, 100), "PPO"):
        gap, _ = study._measure(chosen, name, game, 100, seed=0)
        assert gap < 0.1, name
