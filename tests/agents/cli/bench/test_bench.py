from __future__ import annotations

import json
import os

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from agents import OnlineMirrorDescent
from agents.cli.bench import bench, continuous_rows, exact_rivals, ring_rivals
from agents.cli.bench.rows import Row, rows
from mfg_envs import exact, make_game
from mfg_envs.games.four_rooms_grid import TorusGrid
from mfg_envs.games.ring_road import RingRoad

ROAD = RingRoad(num_cells=20, num_speeds=5)
LONG = ("batched-ppo-100", "pma-100000")
"""Rows of which one call takes seconds."""
STARTS = ("import", "first-cached", "first-cold")


def finite_road():
    road = RingRoad(num_cells=20, num_speeds=5, horizon=7)
    return road, np.random.default_rng(0).dirichlet(np.ones(5), (7, 20))


def test_rival_forward_pass_is_the_exact_flow():
    road, policy = finite_road()
    assert np.allclose(ring_rivals.forward(road, policy), exact.flow(road, policy), atol=1e-14)


def test_rival_backward_pass_gives_the_exact_action_values():
    road, policy = finite_road()
    flow = exact.flow(road, policy)
    q = ring_rivals.backward(road, flow, True).swapaxes(1, 2)
    assert np.allclose(q, exact.action_values(road, flow), atol=1e-14)


@pytest.mark.parametrize("kind", ["road", "torus"])
def test_rival_solvers_learn_and_judge_the_same_policies(kind):
    if kind == "road":
        game = finite_road()[0]
        rival = exact_rivals.NumpyRoad(game)
    else:
        game = TorusGrid(plan=(" " * 7,) * 6, noise=0.7, horizon=7)
        rival = exact_rivals.NumpyTorus(game)
    for iterate in OnlineMirrorDescent(iterations=3, rate=0.3).learn(game):
        policy = rival.descend(0.3)
        assert np.allclose(policy.swapaxes(1, 2), iterate.policy, rtol=0, atol=1e-13)
        gain = exact.exploitability(game, iterate.policy)
        assert rival.exploitability(policy) == pytest.approx(gain, abs=1e-12)


@pytest.mark.parametrize(("num_envs", "num_agents"), [(1, 50), (3, 50), (1, 500)])
def test_rival_step_earns_moves_and_counts_as_the_game_says(num_envs, num_agents):
    ring = ring_rivals.NumpyRing(ROAD, num_envs, num_agents)
    x, m = ring.x, ring.m
    a = np.random.default_rng(0).integers(0, 5, x.shape)
    r = ring.step(a)
    assert np.allclose(r, ROAD.reward(0, x, a, m), atol=1e-15)
    moved = (ring.x - x) % ROAD.num_cells
    assert set(moved.ravel()) <= {0, 1} and moved[a == 4].all()  # the fastest always goes
    assert np.array_equal(ring.m, ROAD.mean_field(ring.x))


def test_rival_rollout_draws_the_policy():
    ring = ring_rivals.NumpyRing(ROAD, 1, 50)
    start = ring.x
    fastest = np.tile(np.eye(5)[4], (20, 1))  # everybody at full speed: the ring turns as a whole
    ms, rs = ring.rollout(fastest, 3)
    assert np.array_equal(ring.x, (start + 3) % 20)
    assert ms.shape == (3, 1, 20) and rs.shape == (3, 1)


def test_naive_dicts_have_every_agent():
    naive = ring_rivals.NaiveDicts(ROAD, 4)
    seen, r, *flags, infos = naive.step(dict.fromkeys(naive.agents, 2))
    assert all(list(part) == naive.agents for part in (seen, r, *flags, infos))
    assert seen["vehicle_0"].shape == (7,)


def test_quadratic_rival_earns_and_moves_as_the_game_says():
    game = make_game("linear_quadratic", dim=2)
    rival = continuous_rows.NumpyLQ(game)
    x = rival.x
    a = np.random.default_rng(1).uniform(-0.1, 0.1, x.shape)
    m = x.mean(0)
    r = rival.step(a)
    assert np.allclose(r, game.reward(0, tuple(x.T), tuple(a.T), m), atol=1e-13)
    noise = rival.x - np.clip(x + a + 0.06 * m, -1, 1)
    assert np.abs(noise).max() <= 0.1 + 1e-12


def test_rooms_rival_keeps_walkers_out_of_walls_and_keeps_their_mass():
    game = make_game("four_rooms")
    rival = continuous_rows.NumpyRooms(game)
    a = np.random.default_rng(1).uniform(-0.4, 0.4, (continuous_rows.N, 2))
    for _ in range(10):
        rival.step(a)
    inside = (rival.x[:, None] > rival.low) & (rival.x[:, None] < rival.high)
    assert not inside.all(-1).any()
    assert rival.m.sum() * (0.5 / game.bins) ** 2 == pytest.approx(1)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in LONG else [])
        for name in rows()
        if name not in STARTS
    ],
)
def test_both_sides_of_every_row_run(name):
    row = rows()[name]()
    row.ours()
    assert row.rival is None or row.rival() is not None
    assert row.units > 0 and row.target > 0


def test_only_keeps_the_rows_that_contain_a_word():
    builders = rows()
    assert set(bench.select(builders, ["import", "dicts"])) == {
        "import",
        *(name for name in builders if name.startswith("dicts")),
    }
    assert bench.select(builders, None) == builders
    with pytest.raises(ValueError, match="matches no row; the rows are step-100000"):
        bench.select(builders, ["warp"])


def test_the_ratio_is_the_median_of_paired_ratios(monkeypatch):
    spent = {"ours": iter([1.0, 1.0, 2.0, 4.0]), "numpy": iter([1.0, 3.0, 4.0, 20.0])}

    def cpu_seconds(work, calls):
        return next(spent[work()])

    monkeypatch.setattr(bench, "_cpu_seconds", cpu_seconds)
    row = Row("work", 1.5, 10, lambda: "ours", lambda: "numpy")
    result = bench.measure("name", row, rounds=3, seconds=0.5)
    # The first time of either side sets the number of calls (one); then 3/1, 4/2, 20/4.
    assert (result.ours, result.numpy, result.ratio) == (2e8, 4e8, 3.0)


def test_a_start_reports_its_own_time():
    row = Row("start", 0.25, 1, lambda: 0.5, start=True)
    result = bench.measure("name", row, rounds=1, seconds=0.0)
    assert (result.ours, result.numpy, result.ratio) == (0.5, None, None)
    assert result.verdict == "missed by 100%"
    assert result._replace(target=0.5).verdict == "met"
    assert result._replace(target=8.0, ratio=4.0, times=True).verdict == "missed by 50%"
    assert result._replace(target=3.0, ratio=4.0, times=True).verdict == "met"


def test_first_step_starts_in_a_process_of_its_own():
    assert rows()["import"]().ours() > 0


def test_command_prints_the_table_and_writes_json(tmp_path):
    app = typer.Typer()
    app.callback()(lambda: None)
    bench.register(app)
    before = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    path = tmp_path / "bench.json"
    words = ["bench", "--quick", "--only", "kernel-100000", "--only", "qmi-1"]
    done = CliRunner().invoke(app, [*words, "--json", str(path)])
    assert done.exit_code == 0, done.output
    written = json.loads(path.read_text())
    assert set(written) == {"kernel-100000", "qmi-1"}
    assert written["qmi-1"]["ratio"] > 1  # the compiled loop beats a loop in Python
    assert written["kernel-100000"]["ratio"] > 0
    assert "of 2 targets met" in done.output
    if before is not None:
        assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("platform_pins", [True, False])
def test_one_core_is_given_back(monkeypatch, platform_pins):
    if not platform_pins:
        monkeypatch.delattr(os, "sched_setaffinity", raising=False)
        with bench.one_core():
            return
    if not hasattr(os, "sched_setaffinity"):
        pytest.skip("this platform does not pin processes")
    before = os.sched_getaffinity(0)
    with bench.one_core():
        assert len(os.sched_getaffinity(0)) == 1
    assert os.sched_getaffinity(0) == before
