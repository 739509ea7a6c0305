"""Check that a game or an environment keeps its contract, your own ones included.

    from mfg_envs import check_env, check_game

    check_game(MyGame(num_cells=10))
    check_env(PopulationEnv(MyGame(num_cells=10), num_agents=5))

Both return None, or raise a ``ContractError`` (an AssertionError) whose sentence names the fault,
the place and the cure.
"""

from mfg_envs.contract import ContractError
from mfg_envs.env_contract import check_env
from mfg_envs.game_contract import check_game

__all__ = ["ContractError", "check_env", "check_game"]
