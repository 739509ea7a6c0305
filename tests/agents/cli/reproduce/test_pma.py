import json

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli
from agents.cli.reproduce.pma import command, study
from mfg_envs.metrics import regularised_exploitability

cli.load()


def test_a_power_is_fitted_with_its_standard_error():
    x = np.array([10.0, 100.0, 1000.0])
    pure = [3 * n**-0.5 * np.array([0.9, 1.1]) for n in x]  # relative standard errors .1
    power = study.slope(x, pure)
    np.testing.assert_allclose(power.power, -0.5, rtol=1e-13)
    # Weights alike: .1 over the root of the sum of squares of log 10, 0, log 10.
    np.testing.assert_allclose(power.error, 0.1 / np.sqrt(2 * np.log(10) ** 2), rtol=1e-13)
    # A point with a large error hardly counts.
    wild = [*pure[:2], pure[2] * np.array([1e-6, 40])]
    assert abs(study.slope(x, wild).power + 0.5) < 0.1


@pytest.mark.parametrize("setting", study.settings(), ids=lambda setting: setting.title)
def test_settings_are_what_theory_asks_for(setting):
    learner, game = setting.learner, setting.game
    best = study.equilibrium(setting)
    assert regularised_exploitability(game, best.policy, learner.temperature) < 1e-10
    # Step sizes of at most one, and optimism that is forgotten: see ``PolicyMirrorAscent.rate``.
    assert learner.rate / ((1 - game.discount) * (learner.delay - 1)) <= 1.01
    rarest = (best.mean_field[:, None] * best.policy).min()
    assert learner.rate * rarest > 2 * (1 - game.discount) / 2
    # Rewards at the equilibrium are in the stated range.
    low, high = learner.reward_range
    x, a = np.indices(best.policy.shape)
    r = game.reward(0, x, a, best.mean_field)
    assert low <= r.min() and r.max() <= high
    low, high = setting.fitted
    assert sum(low <= N <= high for N in setting.sizes) >= 3


def test_quick_reproduction_writes_tables_figure_and_data(tmp_path):
    words = ["reproduce", "pma", "--quick", "--out", str(tmp_path)]
    first = CliRunner().invoke(cli.app, words)
    assert first.exit_code == 0, first.output
    for part in ("Powers", "Few samples", "seeds 100..101", "centralised with replay"):
        assert part in first.output
    assert (tmp_path / "pma.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "pma.json").read_text())
    assert len(content["checks"]) == 4 * len(command.CURVES)
    assert len(content["runs"]) == 4 * (2 + 2 * 2) + 6
    again = CliRunner().invoke(cli.app, words)  # nothing is run again
    assert again.exit_code == 0
    assert json.loads((tmp_path / "pma.json").read_text()) == content


@pytest.mark.slow
def test_both_laws_hold_on_sis(tmp_path):
    results = study.study(study.settings()[:1], tmp_path, progress=False)
    promised = [check for check in command._checks(results) if check["promised"]]
    assert len(promised) == 2 and all(check["held"] for check in promised)
