"""The mirror step: in the simplex, where the gradient is level, and as good as any solver's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, special

from agents.mirror_ascent.mirror_step import mirror_step

ENTROPIES = (0.0, 1e-3, 0.2, 10.0)


@st.composite
def steps(draw, magnitude, length):
    """Draw values of up to ten to ``magnitude``, a policy with zeros, and both weights."""
    generator = np.random.default_rng(draw(st.integers(0, 10**6)))
    A = draw(st.integers(1, 6))
    q = generator.uniform(-1, 1, (3, A)) * 10.0 ** draw(st.floats(-3, magnitude))
    policy = generator.dirichlet(np.full(A, 0.5), 3)
    policy[:, 0] *= draw(st.booleans()) or A == 1
    policy /= policy.sum(-1, keepdims=True)
    eta = 10.0 ** draw(st.floats(-length, length))
    return q, policy, eta, draw(st.sampled_from(ENTROPIES))


@given(steps(magnitude=6, length=4))
def test_mirror_step_is_in_the_simplex_and_where_the_gradient_is_level(step):
    q, policy, eta, entropy = step
    u = mirror_step(q, policy, eta=eta, entropy=entropy)
    assert (u >= 0).all()
    np.testing.assert_allclose(u.sum(-1), 1, rtol=0, atol=1e-12)
    # The slope of <u, q> + h(u) - |u - policy|^2 / (2 eta), less what all actions have in common.
    slope = q - q.max(-1, keepdims=True) + (policy - u) / eta
    slope -= entropy * np.log(np.maximum(u, 1e-300))
    played = u > 1e-290
    level = np.where(played, slope, -np.inf).max(-1, keepdims=True)
    # u is right to 1e-13 of itself or of one, q to the rounding of its size.
    close = 1e-12 * (1 / eta + entropy) + 1e-15 * np.abs(q).max()
    assert (np.abs(slope - level)[played] <= close).all()
    assert (slope <= level + close)[~played].all()


@given(steps(magnitude=1, length=1))
def test_no_convex_solver_finds_better_than_the_mirror_step(step):
    q, policy, eta, entropy = (part[0] if np.ndim(part) == 2 else part for part in step)

    def gain(u):
        return u @ q + entropy * special.entr(u).sum() - ((u - policy) ** 2).sum() / (2 * eta)

    def slope(u):
        return q - entropy * (np.log(np.maximum(u, 1e-300)) + 1) - (u - policy) / eta

    ours = mirror_step(q, policy, eta=eta, entropy=entropy)
    solved, begin = None, np.full(q.size, 1 / q.size)
    for _ in range(5):  # it may stop early, with curvatures that it guessed wrong: begin anew there
        solved = optimize.minimize(
            lambda u: -gain(u),
            begin,
            jac=lambda u: -slope(u),
            bounds=[(1e-12, 1)] * q.size,
            constraints={"type": "eq", "fun": lambda u: u.sum() - 1, "jac": np.ones_like},
            method="SLSQP",
            options={"ftol": 1e-12, "maxiter": 500},
        )
        begin = solved.x
    theirs = np.maximum(solved.x, 0) / np.maximum(solved.x, 0).sum()
    lost = gain(ours) - gain(theirs)
    scale = 1 + np.abs(q).max() + 1 / eta + entropy
    assert lost >= -1e-12 * scale
    if solved.success:  # and then it is as good as ours: it stops where it gains 1e-12
        assert lost <= 1e-6 * scale
    # The gain is strongly concave: whoever loses little is near.
    assert ((ours - theirs) ** 2).sum() <= 2 * eta * (lost + 1e-12 * scale)


@given(steps(magnitude=6, length=4))
def test_softmax_of_the_values_is_a_fixed_point_for_every_length_of_the_step(step):
    q, _, eta, entropy = step
    if entropy > 0:
        policy = special.softmax(q / entropy, axis=-1)
        u = mirror_step(q, policy, eta=eta, entropy=entropy)
        close = 1e-12 + 1e-15 * np.abs(q).max() / entropy  # rounding of q / entropy
        np.testing.assert_allclose(u, policy, rtol=0, atol=close)


def test_mirror_step_by_hand():
    half = np.array([0.5, 0.5])
    # Without entropy: the projection of (.5 + eta q0, .5 + eta q1), half the difference to each.
    for gap, share in ((0.4, 0.7), (1.0, 1.0), (5.0, 1.0), (-0.2, 0.4)):
        u = mirror_step(np.array([gap, 0.0]), half, eta=1.0, entropy=0.0)
        np.testing.assert_allclose(u, [share, 1 - share], rtol=1e-15, atol=1e-16)
    # A long step goes to the softmax, a short one stays.
    q = np.array([1.0, 0.0])
    u = mirror_step(q, half, eta=1e12, entropy=0.5)
    np.testing.assert_allclose(u, special.softmax(2 * q), rtol=0, atol=1e-11)
    u = mirror_step(q, half, eta=1e-9, entropy=0.5)
    np.testing.assert_allclose(u, half + 0.5e-9 * np.array([1, -1]), rtol=0, atol=1e-15)
    # Values of minus infinity are never played.
    u = mirror_step(np.array([0.0, -np.inf, 0.0]), np.array([1.0, 0, 0]), eta=1.0, entropy=0.2)
    assert u[1] == 0 and 0 < u[2] < u[0] < 1


@pytest.mark.parametrize("entropy", [0.0, 1e-8, 0.2, 1e6])
@pytest.mark.parametrize("magnitude", [1e-3, 1.0, 1e6])
def test_many_rows_give_the_same_bits_compiled_and_in_numpy(entropy, magnitude, use):
    generator = np.random.default_rng(0)
    q, policy = generator.normal(0, magnitude, (3, 100, 5)), generator.dirichlet(np.ones(5), 100)
    q[:, ::7, 2] = -np.inf
    compiled = mirror_step(q, policy, eta=2.0, entropy=entropy)
    few = mirror_step(q[1, :9], policy[:9], eta=2.0, entropy=entropy)  # left to NumPy
    use("numpy")
    assert np.array_equal(compiled, mirror_step(q, policy, eta=2.0, entropy=entropy))
    assert np.array_equal(compiled[1, :9], few)
    assert (compiled[:, ::7, 2] == 0).all()
