"""How many locals must a dispatcher look at to serve fifty of them?"""

from agents import (
    SubsampledPolicy,
    SubsampleMFQ,
    exact_team_value,
    initial_value,
    run,
    team_value,
)
from mfg_envs import dispatcher_v0, make_game

game = make_game("dispatcher")
for k in (1, 4, 8):
    learned = run(SubsampleMFQ(k=k, iterations=200), game, progress=False).last
    policy = SubsampledPolicy(game, learned.policy)
    value = team_value(policy, num_locals=50, num_envs=300)
    print(f"k = {k}: fifty locals are worth {value.mean:.1f} ± {value.error:.1f}")

exact = initial_value(game, exact_team_value(policy, num_locals=8), num_locals=8)
print(f"eight locals, all of them seen: {exact:.1f} exactly")

env = dispatcher_v0.parallel_env(num_locals=50, max_cycles=10)  # the same policy, agent by agent
observations, infos = env.reset(seed=0)
while env.agents:
    observations, rewards, terminations, truncations, infos = env.step(policy.act(env))
print(f"reward in the last of ten steps: {rewards['global_0']:.2f}")
