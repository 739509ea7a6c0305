"""How does Tianshou train a deep Q-network for every driver?"""

from tianshou.algorithm import DQN, MultiAgentOffPolicyAlgorithm
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.env.pettingzoo_env import PettingZooEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

from mfg_envs import ring_road_v0


def make():
    """Return the turn-by-turn twin: Tianshou knows PettingZoo's AEC environments only."""
    return PettingZooEnv(ring_road_v0.env(num_agents=3, max_cycles=20))


def learner(env):
    """Return a deep Q-network for one driver."""
    width, actions = env.observation_space.shape, env.action_space.n
    model = Net(state_shape=width, action_shape=actions, hidden_sizes=[32])
    policy = DiscreteQLearningPolicy(model=model, action_space=env.action_space, eps_training=0.2)
    return DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.9, target_update_freq=50)


env = make()
drivers = MultiAgentOffPolicyAlgorithm(algorithms=[learner(env) for _ in env.agents], env=env)
envs = DummyVectorEnv([make, make])
envs.seed(0)
collector = Collector[object](drivers, envs, VectorReplayBuffer(2_000, 2), exploration_noise=True)
drivers.run_training(
    OffPolicyTrainerParams(
        training_collector=collector,
        max_epochs=1,
        epoch_num_steps=240,
        collection_step_num_env_steps=60,
        update_step_num_gradient_steps_per_sample=0.1,
        multi_agent_return_reduction=lambda returns: returns.mean(-1),
        verbose=False,
        show_progress=False,
    )
)
print(f"{collector.collect_step} moves of {len(env.agents)} drivers played and learned from")
