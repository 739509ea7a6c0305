"""How does skrl train independent PPO learners, one network for every driver?"""

from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.multi_agents.torch.ippo import IPPO, IPPO_CFG
from skrl.trainers.torch import SequentialTrainer
from skrl.utils import set_seed
from skrl.utils.model_instantiators.torch import categorical_model, deterministic_model

from mfg_envs import ring_road_v0

PREPROCESSED = ("observation", "state", "value")
set_seed(0)
env = wrap_env(ring_road_v0.parallel_env(num_agents=3, max_cycles=50), verbose=False)
drivers = env.possible_agents
body = [{"name": "net", "input": "OBSERVATIONS", "layers": [32], "activations": "tanh"}]


def models(driver):
    """Return the two networks of a driver."""
    spaces = {
        "observation_space": env.observation_space(driver),
        "action_space": env.action_space(driver),
    }
    return {
        "policy": categorical_model(**spaces, network=body, output="ACTIONS"),
        "value": deterministic_model(**spaces, network=body, output="ONE"),
    }


cfg = IPPO_CFG(rollouts=50, discount_factor=0.9, entropy_loss_scale=0.01)
for kind in ("learning_rate_scheduler", *(f"{x}_preprocessor" for x in PREPROCESSED)):
    setattr(cfg, f"{kind}_kwargs", {driver: {} for driver in drivers})  # {} alone is refused
cfg.experiment.write_interval = cfg.experiment.checkpoint_interval = 0  # no files
rewards = []
cfg.rewards_shaper = lambda reward, *_: rewards.append(reward.item()) or reward
learners = IPPO(
    possible_agents=drivers,
    models={driver: models(driver) for driver in drivers},
    memories={driver: RandomMemory(memory_size=50) for driver in drivers},
    observation_spaces=env.observation_spaces,
    state_spaces=env.state_spaces,
    action_spaces=env.action_spaces,
    cfg=cfg,
)
options = {"timesteps": 300, "headless": True, "disable_progressbar": True}
options["close_environment_at_exit"] = False
SequentialTrainer(env=env, agents=learners, cfg=options).train()
for first in (0, 150):
    part = rewards[first * len(drivers) : (first + 150) * len(drivers)]
    print(f"steps {first} to {first + 149}: mean reward {sum(part) / len(part):.4f}")
