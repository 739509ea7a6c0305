"""Figures are measured: what was drawn is read back from them."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import Iterate, Run, figures
from agents.figures import crowds, curves, networks, players, splits, style
from mfg_envs import exact, make_game, riccati
from mfg_envs import policies as tables
from mfg_envs.exact.discretise import discretise
from mfg_envs.games.four_rooms import WALLS
from mfg_envs.pictures import graph
from mfg_envs.registry import GAMES

matplotlib = pytest.importorskip("matplotlib")

GRID = discretise(make_game("linear_quadratic", horizon=4), num_states=21, num_actions=5)
BRAESS = make_game("routing")


def run(*rows, at=None, samples=0, name="exploitability"):
    """Return a run whose metric has a row for each seed."""
    values = np.array(rows, float).T
    at = np.arange(1, len(values) + 1) if at is None else np.array(at)
    zero = np.zeros(1)
    return Run(Iterate(int(at[-1]), samples, zero, zero, zero, {}), at, {name: values})


def integral(values, where):
    return ((values[:, 1:] + values[:, :-1]) / 2) @ np.diff(where)


def first_flow(game):
    """Return the first mean field three times, or once."""
    m = game.crowd(exact.law_met(game, tables.uniform(game)))
    return m[:3] if game.horizon else m


def test_learning_curves_show_means_and_students_bands():
    one, other = run([1, 4, 2], [3, 2, 2]), [run([9, 9, 1]), run([3, 1, 1]), run([3, 2, 1])]
    drawn = figures.learning_curves({"one": one, "other": other})
    axis = drawn.axes[0]
    (first, second), bands = axis.lines, axis.collections
    np.testing.assert_array_equal(first.get_xydata(), [[1, 2], [2, 3], [3, 2]])
    np.testing.assert_allclose(second.get_ydata(), [5, 4, 1])
    # two seeds: t = 12.706, s.e. = 1; the lower ends are negative, and cut on the log axis
    top = bands[0].get_paths()[0].vertices[:, 1]
    assert top.max() == pytest.approx(3 + 12.7062, abs=1e-4)
    assert top.min() == pytest.approx(curves.LEAST * 2)
    error = 4.302653 * np.std([9, 1, 2], ddof=1) / 3**0.5  # iteration 2 is the widest
    assert bands[1].get_paths()[0].vertices[:, 1].max() == pytest.approx(4 + error, rel=1e-6)
    assert axis.get_yscale() == "log"
    assert {text.get_text() for text in axis.texts} == {"one", "other"}
    assert "2 to 3 seeds" in axis.get_title()


def test_learning_curves_against_samples_and_of_unfinished_runs():
    runs = [run([1, 2, 3], at=[2, 4, 6], samples=60), run([3, 4], at=[2, 4], samples=40)]
    axis = figures.learning_curves({"a": runs}, x="samples").axes[0]
    np.testing.assert_allclose(axis.lines[0].get_xydata(), [[20, 2], [40, 3]])
    assert "samples" in axis.get_xlabel()


def test_learning_curves_refuse_what_they_cannot_draw():
    with pytest.raises(ValueError, match="no metric is called 'x'; the run has exploitability"):
        figures.learning_curves({"a": run([1])}, "x")
    with pytest.raises(ValueError, match="uses no samples"):
        figures.learning_curves({"a": run([1])}, x="samples")
    with pytest.raises(ValueError, match="never measured at the same iteration"):
        figures.learning_curves({"a": [run([1], at=[1]), run([1], at=[2])]})
    with pytest.raises(ValueError, match="draws 1 to 7 lines, got 8"):
        figures.learning_curves({str(k): run([1]) for k in range(8)})
    with pytest.raises(ValueError, match="there is no run"):
        figures.learning_curves({"a": []})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=7))
def test_labels_at_the_ends_of_lines_are_never_over_each_other(values):
    drawn = style.figure(6, 4)
    axis = drawn.subplots()
    axis.set(yscale="log", ylim=(1e-10, 1e10))
    style.label_ends(axis, [(1.0, v, str(k), "k") for k, v in enumerate(values)])
    heights = np.sort([text.xy[1] for text in axis.texts])
    tall = axis.get_position().height * 4 * 72
    assert (np.diff(heights) * tall >= 8).all()
    assert heights[-1] <= 1 + 1e-9


def test_gaps_stand_beside_the_power_of_the_theory():
    drawn = figures.exploitability_against_players([4, 16], [2, 1.2], [0.1, 0.1])
    theory, measured = drawn.axes[0].lines
    np.testing.assert_allclose(theory.get_ydata(), [2, 1])  # 2 (16 / 4)^-1/2
    np.testing.assert_allclose(measured.get_ydata(), [2, 1.2])
    band = drawn.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert (band.max(), band.min()) == pytest.approx((2.196, 1.004), rel=1e-5)
    few = figures.exploitability_against_players([4, 16], [2, 1.2], [0.1, 0.1], num_episodes=5)
    band = few.axes[0].collections[0].get_paths()[0].vertices[:, 1]
    assert (band.max(), band.min()) == pytest.approx((2.27764, 0.92236), rel=1e-5)  # t = 2.7764
    assert drawn.axes[0].get_xscale() == drawn.axes[0].get_yscale() == "log"
    with pytest.raises(ValueError, match="must have one shape"):
        figures.exploitability_against_players([1, 2], [1])
    with pytest.raises(ValueError, match="must be positive"):
        figures.exploitability_against_players([1, 2], [1, 0])


@pytest.mark.parametrize("name", sorted(GAMES))
def test_every_finite_game_has_a_picture_of_its_flow(name, use):
    use("numpy")
    game = make_game(name)
    flow = first_flow(game)
    crowd = crowds.read(game, flow)
    if crowd.kind in ("axis", "board"):  # densities are 1 on average
        where = tuple(range(1, crowd.values.ndim))
        np.testing.assert_allclose(np.nanmean(crowd.values, where), 1)
    else:
        np.testing.assert_allclose(crowd.values.sum(1), 1)
    figures.flow_image(game, flow).draw_without_rendering()


def test_laws_of_states_and_mean_fields_give_one_picture():
    law = exact.flow(BRAESS, tables.uniform(BRAESS))
    one, other = crowds.read(BRAESS, law), crowds.read(BRAESS, BRAESS.crowd(law))
    np.testing.assert_array_equal(one.values, other.values)


def test_densities_of_a_grid_have_mass_one_and_means_are_curves():
    law = exact.flow(GRID, tables.uniform(GRID))
    crowd = crowds.read(GRID, law)
    np.testing.assert_allclose(integral(crowd.values, crowd.where), 2)  # of [-1, 1]
    drawn = figures.flow_image(GRID, law, law)
    assert [axis.get_title() for axis in drawn.axes] == [f"t = {t}" for t in range(4)]
    dashed = drawn.axes[1].lines[-1]
    np.testing.assert_array_equal(dashed.get_ydata(), crowd.values[1])
    means = figures.flow_image(GRID.game, GRID.crowd(law), GRID.crowd(law) + 1)
    line, reference = means.axes[0].lines
    np.testing.assert_allclose(reference.get_ydata(), line.get_ydata() + 1)


def test_an_affine_policy_stands_for_its_normal_laws():
    game = make_game("linear_quadratic", noise="normal", bound=None, action_bound=None)
    policy = riccati.equilibrium(game)
    values, where = crowds.read(game, policy).values, crowds.read(game, policy).where
    share = values / (where[-1] - where[0])
    np.testing.assert_allclose(integral(share, where), 1, atol=1e-5)
    means = integral(share * where, where)
    np.testing.assert_allclose(means, riccati.flow(game, policy)[:, 0], atol=1e-5)
    spread = integral(share * (where - means[:, None]) ** 2, where)
    np.testing.assert_allclose(spread, riccati.covariances(game, policy)[:, 0, 0], rtol=1e-4)
    with pytest.raises(ValueError, match="has normal laws"):
        figures.flow_image(GRID.game, policy)


def test_a_density_on_a_plan_is_as_high_as_its_axis_and_walls_are_no_places():
    game = make_game("four_rooms")
    m = game.room / (game.room.sum() * (0.5 / 80) ** 2)
    crowd = crowds.read(game, np.stack([m, m]))
    np.testing.assert_allclose(crowd.values[:, 0][np.isfinite(crowd.values[:, 0])], 1)
    np.testing.assert_array_equal(np.isnan(crowd.values[0, 0]), (game.room == 0).T[::-1])


def test_wrong_flows_are_refused():
    game = make_game("ring_road")
    with pytest.raises(ValueError, match=r"flow must have shape \(T, 50\), got \(3, 4\)"):
        figures.flow_image(game, np.ones((3, 4)))
    with pytest.raises(ValueError, match="flow must be finite"):
        figures.flow_image(game, np.full(50, np.nan))
    with pytest.raises(ValueError, match="reference must be like the flow"):
        figures.flow_image(game, np.ones((3, 50)), np.ones((2, 50)))
    with pytest.raises(ValueError, match="cannot be drawn: its layout"):
        figures.flow_image(make_game("linear_quadratic", dim=2), np.ones((21, 2)))


def test_speeds_of_a_ring_are_a_curve_and_moves_over_time_are_colours():
    ring = make_game("ring_road")
    policy = np.zeros((50, 50))
    policy[np.arange(50), np.arange(50)] = 1
    axis = figures.policy_image(ring, policy).axes[0]
    np.testing.assert_allclose(axis.lines[0].get_ydata(), ring.speeds)
    assert axis.get_ylabel() == "mean speed (cells per step)"
    affine = riccati.Affine(np.full((4, 1, 1), -0.05), np.zeros((4, 1)))
    image = figures.policy_image(GRID.game, affine).axes[0].images[0]
    np.testing.assert_allclose(image.get_array()[:, 0], -0.05 * np.linspace(-1, 1, 121))
    assert image.get_clim() == pytest.approx((-0.05, 0.05))
    image = figures.policy_image(GRID, tables.uniform(GRID)).axes[0].images[0]
    np.testing.assert_allclose(image.get_array(), 0, atol=1e-12)


@pytest.mark.parametrize(("action", "way"), [(0, (0, -1)), (1, (1, 0)), (2, (0, 1)), (3, (-1, 0))])
def test_arrows_on_a_plan_point_where_players_go(action, way):
    game = make_game("four_rooms_grid")
    may = game.legal_actions[:, action]
    policy = np.broadcast_to(np.eye(5)[np.where(may, action, 4)], (40, 104, 5))
    axis = figures.policy_image(game, policy).axes[0]
    (arrows,) = (part for part in axis.collections if hasattr(part, "U"))
    begin = axis.transData.transform(arrows.get_offsets()[0])
    tip = axis.transData.transform(arrows.get_offsets()[0] + [arrows.U[0], arrows.V[0]])
    np.testing.assert_allclose((tip - begin) / np.linalg.norm(tip - begin), way, atol=1e-9)
    assert len(arrows.U) == may.sum()


def test_arrows_of_a_function_keep_out_of_walls():
    game = make_game("four_rooms")
    drawn = figures.policy_image(game, lambda t, x: np.full_like(x, 0.1))
    arrows = next(part for part in drawn.axes[0].collections if hasattr(part, "U"))
    spots = tuple(np.asarray(arrows.get_offsets()).T)
    x, y = np.meshgrid(*[(np.arange(16) + 0.5) / 32] * 2)
    inside = [(abs(x - w.x) < w.half_x) & (abs(y - w.y) < w.half_y) for w in WALLS]
    free = ~np.any(inside, axis=0)
    np.testing.assert_allclose(spots, [x[free], y[free]])


@pytest.mark.parametrize("name", ["sis", "left_right", "mf_garnet", "routing_cycle"])
def test_policies_of_few_states_and_networks_are_drawn(name):
    game = make_game(name)
    figures.policy_image(game, tables.uniform(game)).draw_without_rendering()


def test_moves_without_a_direction_are_refused():
    game = make_game("predator_prey")
    with pytest.raises(ValueError, match="no direction to draw: its actions have no names"):
        figures.policy_image(game, tables.uniform(game))


def test_the_split_of_a_network_is_that_of_its_travellers():
    policy = tables.uniform(BRAESS).copy()
    both = (policy[..., :2] > 0).all(-1)
    policy[both] = (0.25, 0.75)
    flow = splits.link_flows(BRAESS, BRAESS.layout(), policy)
    # links 1-2, 1-3, 2-3, 2-4, 3-4; the bridge 2-3 is the first of node 2
    np.testing.assert_allclose(flow, [0.25, 0.75, 0.0625, 0.1875, 0.8125], atol=1e-9)
    cycle = make_game("routing_cycle", cost="bpr", network="braess")
    flow = splits.link_flows(cycle, cycle.layout(), tables.uniform(cycle))
    np.testing.assert_allclose(flow / flow[:2].sum(), [0.5, 0.5, 0.25, 0.25, 0.75], rtol=1e-6)


def test_traffic_is_volume_over_capacity():
    m = np.zeros(BRAESS.num_places)
    m[:5] = (0.4, 0.2, 0, 0.3, 0.1)
    seen = networks.traffic(BRAESS, BRAESS.layout(), m)
    np.testing.assert_allclose(seen.share, m[:5])
    np.testing.assert_allclose(seen.full, m[:5])  # five trips, capacities of five
    assert graph.congestion(make_game("routing_cycle"), m) is None


def test_players_follow_the_flow_and_are_the_same_again():
    game = make_game("four_rooms_grid", horizon=6)
    policy = tables.uniform(game)
    seen = figures.sample_players(game, policy, 20_000, seed=3)
    again = figures.sample_players(game, policy, 20_000, seed=3)
    assert all(np.array_equal(a, b) for a, b in zip(seen, again, strict=True))
    exactly = exact.flow(game, policy)
    bound = 5 * np.sqrt(exactly * (1 - exactly) / 20_000) + 1e-12  # 624 cells at 5 sigma
    assert (abs(seen.mean_field - exactly) <= bound).all()
    assert game.legal_actions[seen.state, seen.action].all()
    with pytest.raises(ValueError, match="give num_steps"):
        figures.sample_players(make_game("sis"), tables.uniform(make_game("sis")), 2)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_players_on_a_grid_keep_their_mean(points):
    state = np.array(points)[None, :, None]
    law = players.laws(GRID, state)
    assert law.sum() == pytest.approx(1)
    assert (law @ GRID.states[0])[0] == pytest.approx(state.mean(), abs=1e-12)


def test_importing_loads_neither_matplotlib_nor_pygame_nor_numba():
    code = "import sys, agents.figures; print({'matplotlib', 'pygame', 'numba'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
