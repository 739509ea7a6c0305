"""``check_game`` accepts a continuous game that keeps the contract and names planted faults."""

from __future__ import annotations

import pytest
from toys import Drifters

from mfg_envs import check_game
from mfg_envs.testing import ContractError


def test_a_game_of_ones_own_keeps_the_contract():
    check_game(Drifters())


FAULTS = {
    "step must return a tuple of 1": {"step": lambda self, t, x, a, m, w: x[0]},
    "step fails": {"step": lambda self, t, x, a, m, w: (x[1],)},
    "reward gives something else when it is|reward gives a player something else": {
        "reward": lambda self, t, x, a, m: x[0] - x[0].mean()
    },
    "reward reads t": {"reward": lambda self, t, x, a, m: x[0] * t},
    r"reward\(t=0, x=.*, a=.*\) is nan, m in \[": {
        "reward": lambda self, t, x, a, m: x[0] / 0.0 * 0.0
    },
    "noise_law must return a Normal or a Uniform": {"noise_law": lambda self, t, x, a, m: (0, 1)},
    "initial_law must be a Normal or Uniform": {"initial_law": (0.0,)},
    "action_low must be below high": {"action_low": (2.0,)},
}


@pytest.mark.parametrize("message", FAULTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_contract_names_a_fault(message, monkeypatch):
    for name, value in FAULTS[message].items():
        monkeypatch.setattr(Drifters, name, value)
    monkeypatch.setenv("MFG_ENVS_BACKEND", "numpy")
    with pytest.raises(ContractError, match=message):
        check_game(Drifters())
