"""Exact finite-N Nash gaps against each other and the simulated ones; the study of their rates."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from agents import cli
from agents.cli.reproduce.kept_numbers import KeptNumbers
from agents.cli.reproduce.nash_gap.command import _checks, study
from agents.cli.reproduce.nash_gap.exact import binomial, own_state, two_states
from agents.cli.reproduce.nash_gap.study import Curve, slope
from agents.runs.locks import claim
from mfg_envs import BatchEnv, exact, make_game, riccati
from mfg_envs.metrics.finite_riccati import answer
from mfg_envs.metrics.gap_of_n_players import NashGap, nash_gap

SIGMAS = 4.5
"""A right estimate is further off once in 150 000 times."""


def some_game(dim, seed, **parameters):
    """Return an unbounded linear-quadratic game with random matrices."""
    rng = np.random.default_rng(seed)

    def matrix(scale, shift=0.0):
        return tuple(map(tuple, shift * np.eye(dim) + scale * rng.standard_normal((dim, dim))))

    def cost(scale):
        root = rng.standard_normal((dim, dim))
        return tuple(map(tuple, scale * (root @ root.T + 0.1 * np.eye(dim))))

    drawn = {
        "drift": matrix(0.1, 0.8), "control": matrix(0.2, 0.5), "coupling": matrix(0.05, 0.3),
        "state_cost": cost(1.0), "action_cost": cost(0.3), "crowd_cost": cost(0.5),
        "target": tuple(rng.standard_normal(dim)),
    }  # fmt: skip
    fixed = {"dim": dim, "noise": "normal", "start": 0.3, "bound": None, "action_bound": None}
    return make_game(
        "linear_quadratic", **drawn, **fixed, **{"horizon": 6, "discount": 0.95, **parameters}
    )


def square(value, dim):
    return np.asarray(value) * np.eye(dim) if np.ndim(value) == 0 else np.asarray(value)


def among_all(game, policy, num_agents, best):
    """Return what player 0 earns by a Riccati recursion over the states of all N players."""
    d, N = game.dim, num_agents
    names = ("drift", "control", "coupling", "state_cost", "action_cost", "crowd_cost")
    A, B, C, Q, R, P = (square(getattr(game, name), d) for name in names)
    mean = np.kron(np.full((1, N), 1 / N), np.eye(d))
    unit = [np.kron(np.eye(N)[[i]], np.eye(d)) for i in range(N)]
    n, g = N * d, game.discount
    rows = np.hstack([unit[0], -np.array(game.target)[:, None]])
    away = np.hstack([unit[0] - mean, np.zeros((d, 1))])
    cost = rows.T @ Q @ rows + away.T @ P @ away
    push = np.vstack([B, np.zeros((n - d + 1, d))])
    S = np.zeros((n + 1, n + 1))
    for t in reversed(range(game.horizon)):
        F, f = policy.gain[t], policy.offset[t]
        move = np.zeros((n + 1, n + 1))
        move[-1, -1] = 1
        for i in range(N):
            block = slice(i * d, (i + 1) * d)
            move[block, :n] = (A + (B @ F if i else 0)) @ unit[i] + C @ mean
            move[block, -1] = B @ f if i else 0
        play = np.hstack([F @ unit[0], f[:, None]])
        if best:
            play = -np.linalg.solve(R + g * push.T @ S @ push, g * push.T @ S @ move)
        drift = g * game.noise_scale**2 * np.trace(S[:n, :n])
        closed = move + push @ play
        S = cost + play.T @ R @ play + g * closed.T @ S @ closed
        S[-1, -1] += drift
    z = np.append(np.tile(np.broadcast_to(game.start, d), N), 1.0)
    return -(z @ S @ z + game.start_scale**2 * np.trace(S[:n, :n]))


@pytest.mark.parametrize(("dim", "num_agents"), [(1, 2), (1, 5), (2, 3)])
def test_the_mean_of_the_others_is_all_that_counts(dim, num_agents):
    game = some_game(dim, 0)
    right = riccati.equilibrium(game)
    for policy in (right, riccati.Affine(0.8 * right.gain, right.offset + 0.1)):
        found = nash_gap(game, policy, num_agents)
        own = among_all(game, policy, num_agents, best=False)
        assert found.value == pytest.approx(own, rel=1e-10)
        assert found.best_value == pytest.approx(among_all(game, policy, num_agents, best=True))
        assert found.gap > 0
        assert found.error == found.value_error == 0


def test_simulated_players_earn_the_closed_form():
    game, N, B = some_game(2, 1), 4, 4000
    policy = riccati.equilibrium(game)
    solved = answer(game, policy, N)
    totals = []
    for deviates in (False, True):
        env = BatchEnv(game, B, N, seed=0)
        x, total = env.reset().state, np.zeros(B)
        for t in range(game.horizon):
            a = x @ policy.gain[t].T + policy.offset[t]
            if deviates:
                seen = np.hstack([x[:, 0], x[:, 1:].mean(1)])
                a[:, 0] = seen @ solved.deviation.gain[t].T + solved.deviation.offset[t]
            x, _, reward, *_ = env.step(a)
            total += game.discount**t * reward[:, 0]
        totals.append(total)
    gain = totals[1] - totals[0]
    assert abs(totals[0].mean() - solved.value) < SIGMAS * totals[0].std() / np.sqrt(B)
    assert abs(gain.mean() - (solved.best_value - solved.value)) < SIGMAS * gain.std() / np.sqrt(B)


def test_linear_quadratic_equilibria_have_gaps_of_order_1_over_n():
    game = some_game(2, 2)
    policy = riccati.equilibrium(game)
    gaps = [nash_gap(game, policy, n).gap for n in (1000, 2000, 4000)]
    assert np.array(gaps[:-1]) / gaps[1:] == pytest.approx(2, rel=0.01)
    limit = riccati.value(game, riccati.flow(game, policy))
    errors = [abs(nash_gap(game, policy, n).value - limit) for n in (1000, 2000)]
    assert errors[0] / errors[1] == pytest.approx(2, rel=0.01)
    other = riccati.Affine(0.8 * policy.gain, policy.offset)
    wanted = riccati.exploitability(game, other)
    assert nash_gap(game, other, 10**6).gap == pytest.approx(wanted, rel=1e-4)


def test_binomial_laws():
    assert binomial(3, 0.25) == pytest.approx(np.array([27, 27, 9, 1]) / 64)
    assert binomial(2, 0.0).tolist() == [1, 0, 0]
    assert binomial(2, 1.0).tolist() == [0, 0, 1]
    assert binomial(0, 0.5).tolist() == [1]
    assert binomial(5000, 0.3) @ np.arange(5001) == pytest.approx(1500)


def test_two_exact_solutions_agree_where_both_apply(random_policy):
    game = make_game("ring_road", num_cells=2, num_speeds=3, discount=0.8)
    policy = random_policy(game)
    for n in (1, 2, 30):
        lattice, binomials = two_states(game, policy, n), own_state(game, policy, n)
        assert lattice[1:] == pytest.approx(binomials[1:], rel=1e-8)
        assert lattice.crowd >= lattice.state


@pytest.mark.parametrize("solve", [study.five_levels, study.two_actions])
@pytest.mark.parametrize("num_agents", [5, 40])
def test_simulated_gaps_of_an_epidemic_are_the_exact_ones(solve, num_agents):
    game, policy = solve()
    assert exact.exploitability(game, policy) < 1e-6
    wanted = two_states(game, policy, num_agents)
    found = nash_gap(game, policy, num_agents, num_episodes=400)
    assert abs(found.value - wanted.value) < SIGMAS * found.value_error
    assert found.gap < 1.001 * wanted.crowd + SIGMAS * found.error
    assert found.gap > 0.9 * wanted.crowd - SIGMAS * found.error
    blind = nash_gap(game, policy, num_agents, num_episodes=400, sees="state")
    assert abs(blind.gap - wanted.state) <= 0.1 * wanted.state + SIGMAS * blind.error


def test_simulated_gaps_of_a_ring_road_are_the_exact_ones():
    game, policy = study.coarse_ring()
    assert exact.exploitability(game, policy) == 0
    for n in (10, 30):
        wanted = own_state(game, policy, n)
        found = nash_gap(game, policy, n, num_episodes=100, sees="state")
        assert abs(found.value - wanted.value) < SIGMAS * found.value_error
        assert found.gap <= 1.001 * wanted.state + SIGMAS * found.error
        assert found.gap >= 0.9 * wanted.state - SIGMAS * found.error


def test_a_slope_is_the_power_with_its_sampling_error():
    n = np.array([10, 100, 1000, 10_000])
    power = Curve("", "", "crowd", n, 3 * n**-0.7, np.zeros(4))
    assert slope(power) == pytest.approx((-0.7, 0))
    assert slope(power, 100, 1000) == pytest.approx((-0.7, 0))
    assert slope(power, 100, 500) is None
    # Two points: the error of a difference of logarithms, over the difference of log N.
    noisy = power._replace(error=0.1 * power.size)
    assert slope(noisy, 10, 100) == pytest.approx((-0.7, 0.1 * np.sqrt(2) / np.log(10)))
    lost = noisy._replace(size=np.array([1, 0.1, -0.1, 0.01]), error=np.full(4, 0.02))
    assert slope(lost) == pytest.approx((-1, np.hypot(0.02, 0.2) / np.log(10)))


def test_the_quick_study_writes_tables_figure_and_data(tmp_path):
    cli.load()
    run = CliRunner().invoke(
        cli.app, ["reproduce", "nash-gap", "--quick", "--out", str(tmp_path)], env={"COLUMNS": "80"}
    )
    assert run.exit_code == 0, run.output
    assert max(map(len, run.output.splitlines()[:-1])) <= 80
    for part in ("SIS, five levels", "own state, exact", "held", "missed: falls faster"):
        assert part in run.output
    assert (tmp_path / "nash_gap.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    content = json.loads((tmp_path / "nash_gap.json").read_text())
    assert {curve["panel"] for curve in content["curves"]} == {
        "SIS", "ring road", "linear-quadratic", "value",
    }  # fmt: skip
    free = next(c for c in content["checks"] if c["game"] == "LQ, without bounds")
    assert free["power"] == pytest.approx(-1, abs=0.02)
    assert not free["held"]


def test_the_study_keeps_what_it_has_found_and_computes_nothing_twice(tmp_path, monkeypatch):
    """Killed after five of its numbers, it computes the others only, and gives the same."""
    asked = []

    def gap(game, policy, num_agents, num_episodes, lookahead):
        asked.append((num_agents, lookahead))
        if len(asked) == 6:
            raise KeyboardInterrupt
        return NashGap(1 / num_agents, 0.0, 0.0, 0.0, 0.0)

    case = study.CASES[0]._replace(solve=lambda: (None, None))
    monkeypatch.setattr(study, "CASES", (case, case._replace(game="again", lookahead=3)))
    monkeypatch.setattr(study, "EXACT", ())
    monkeypatch.setattr(study, "nash_gap", gap)
    with pytest.raises(KeyboardInterrupt):
        study.study(False, lambda text: None, KeptNumbers(tmp_path))
    assert len(json.loads((tmp_path / "numbers.json").read_text())) == 5
    curves = study.study(False, lambda text: None, KeptNumbers(tmp_path))
    sizes = [1 / n for n in study.NUM_AGENTS]
    assert [curve.size.tolist() for curve in curves] == [sizes, sizes]
    wanted = [(n, lookahead) for lookahead in (10, 3) for n in study.NUM_AGENTS]
    assert asked == [*wanted[:6], *wanted[5:]]
    study.study(False, lambda text: None, KeptNumbers(tmp_path))
    assert len(asked) == len(wanted) + 1


def test_the_command_looks_at_its_folder_first_and_stops_with_a_word(tmp_path, monkeypatch):
    cli.load()
    command = ["reproduce", "nash-gap", "--quick", "--out"]
    monkeypatch.setattr(study, "study", lambda *_: pytest.fail("nothing may be computed"))
    (tmp_path / "file").write_text("")
    for out, words in (("", "must name a folder"), (str(tmp_path / "file"), "is a file, no")):
        refused = CliRunner().invoke(cli.app, [*command, out], env={"COLUMNS": "200"})
        assert refused.exit_code == 2
        assert words in refused.output
    out = tmp_path / "out"
    with claim(out / "runs_quick"):
        busy = CliRunner().invoke(cli.app, [*command, str(out)])
        assert "another process is running in" in str(busy.exception)

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(study, "study", stopped)
    ended = CliRunner().invoke(cli.app, [*command, str(out)])
    assert ended.exit_code == 130
    assert "the same command goes on" in ended.output


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": ["x"]}', "\udc80", "[" * 10_000])
def test_a_file_that_holds_no_numbers_is_named(tmp_path, content):
    (tmp_path / "numbers.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    with pytest.raises(ValueError, match=r"numbers.json holds no numbers of a study .*delete it"):
        KeptNumbers(tmp_path)


@pytest.mark.slow
def test_the_gap_falls_like_the_square_root_where_the_equilibrium_mixes_and_faster_elsewhere(
    tmp_path,
):
    curves = study.study(False, lambda text: None, KeptNumbers(tmp_path))
    found = {(c["game"], c["exact"]): c for c in _checks(curves)}
    assert found["SIS, five levels", False]["held"]
    mixing = next(c for c in curves if c.game == "SIS, five levels" and not c.exact)
    late = slope(mixing, 1000, 10_000)
    assert abs(late.power + 0.5) < 0.02 + 3 * late.error
    # Recorded, not hidden: the other games were expected to fall like N^-1/2, too.
    assert found["LQ, without bounds", True]["power"] == pytest.approx(-1, abs=0.01)
    missed = [check for key, check in found.items() if key[0] != "SIS, five levels"]
    assert not any(check["held"] for check in missed)
    assert all(check["power"] + 3 * check["error"] < -0.6 for check in missed)
