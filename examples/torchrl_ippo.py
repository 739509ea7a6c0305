"""How does TorchRL train independent PPO learners on a population, without dicts?"""

import torch
from tensordict.nn import TensorDictModule, TensorDictSequential
from torch.distributions import Categorical
from torchrl.modules import MultiAgentMLP, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss, ValueEstimators

from mfg_envs import exact, ring_road_v0
from wrappers import to_torchrl

torch.manual_seed(0)
road = ring_road_v0.parallel_env(num_agents=8, max_cycles=32)
env = to_torchrl(road, copies=4)
env.set_seed(0)
seen, logits, action = [(env.group, name) for name in ("observation", "logits", "action")]
width = env.observation_spec[seen].shape[-1]
actions = int(env.action_spec[action].space.n)


def networks(outputs):
    """Return one network per driver."""
    return MultiAgentMLP(width, outputs, 8, centralized=False, share_params=False, num_cells=[32])


body = TensorDictModule(networks(actions), [seen], [logits])


class Driver(torch.nn.Module):
    """What the first driver's network says of observations (R, D): logits (R, A)."""

    def forward(self, rows):
        return body.module(rows[:, None].expand(-1, 8, -1))[:, 0]


actor = ProbabilisticActor(
    TensorDictSequential(body),
    in_keys=[logits],
    out_keys=[action],
    distribution_class=lambda logits: Categorical(logits=logits),
    return_log_prob=True,
    log_prob_key=(env.group, "log_prob"),
)
critic = ValueOperator(networks(1), [seen], [(env.group, "state_value")])
loss = ClipPPOLoss(actor, critic, entropy_coeff=0.01)
keys = {"reward": "reward", "value": "state_value", "done": "done", "terminated": "terminated"}
loss.set_keys(
    action=action,
    sample_log_prob=(env.group, "log_prob"),
    **{key: (env.group, name) for key, name in keys.items()},
)
loss.make_value_estimator(ValueEstimators.GAE, gamma=0.9, lmbda=0.95)
optimiser = torch.optim.Adam(loss.parameters(), 1e-3)

for iteration in range(3):
    with torch.no_grad():
        batch = env.rollout(32, actor, break_when_any_done=False)
        for flag in ("done", "terminated"):  # the learner wants a flag for every driver
            whole = batch["next", flag][..., None, :].expand(
                batch["next", env.group, "reward"].shape
            )
            batch["next", env.group, flag] = whole
        loss.value_estimator(batch, params=loss.critic_network_params)
    for _ in range(4):
        terms = loss(batch)
        optimiser.zero_grad()
        sum(terms[name] for name in ("loss_objective", "loss_critic", "loss_entropy")).backward()
        optimiser.step()
    print(f"rollout {iteration}: mean reward {batch['next', env.group, 'reward'].mean():.4f}")
print(f"if all drove as the first: exploitability {exact.exploitability(road.game, Driver()):.4f}")
