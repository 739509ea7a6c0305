import numpy as np
import pytest
from toys import Faulty

from mfg_envs import BatchEnv, exact, policies


@pytest.fixture(params=["numpy", "numba"], autouse=True)
def both(request, monkeypatch):
    monkeypatch.setenv("MFG_ENVS_BACKEND", request.param)


@pytest.mark.parametrize("leap", [1_000_000, -4])
def test_a_step_out_of_the_states_is_named_and_touches_no_memory(leap):
    game = Faulty(leap=leap)
    for call in (
        lambda: exact.flow(game, policies.uniform(game)),
        lambda: exact.action_values(game, np.full((4, 3), 1 / 3)),
    ):
        with pytest.raises(ValueError, match=r"step\(t=\d, x=\d, a=\d, w=1\) leads to .*state in"):
            call()
    env = BatchEnv(game, 2, 500, seed=0)
    env.reset()
    before = env.step(np.zeros((2, 500), np.int32)).state.copy()
    with pytest.raises(ValueError, match=r"step\(t=1, x=\d, a=0, w=1\) leads to"):
        env.step(np.zeros((2, 500), np.int32))
    assert np.array_equal(env.state, before)
    with pytest.raises(ValueError, match="leads to"):
        env.rollout(policies.uniform(game), 2)


def test_lost_mass_is_named():
    with pytest.raises(ValueError, match=r"noise_law\[x=0\]\[a=0\] must be probabilities"):
        exact.flow(Faulty(leak=0.1), policies.uniform(Faulty()))


def test_a_reward_that_is_no_number_is_named():
    game = Faulty(hole=np.nan)
    with pytest.raises(ValueError, match=r"reward\(t=1, x=2, a=0\) is nan, not a finite number"):
        exact.action_values(game, np.full((4, 3), 1 / 3))


def test_what_goes_wrong_on_the_way_stops_the_players_and_says_why():
    a = np.zeros((1, 500), np.int32)
    for game, fault in (
        (Faulty(hole=np.nan), r"reward\(t=1, x=2, a=0\) is nan, not a finite number"),
        (Faulty(leak=0.1), r"noise_law\[b=0\]\[i=0\] must be probabilities that sum to one"),
    ):
        env = BatchEnv(game, 1, 500, seed=0)
        env.reset()
        before = env.step(a)
        with pytest.raises(ValueError, match=fault):
            env.step(a)
        assert (env.t, env.state.tolist()) == (1, before.state.tolist())
        with pytest.raises(ValueError, match=fault):
            env.rollout(policies.uniform(game), 2)
