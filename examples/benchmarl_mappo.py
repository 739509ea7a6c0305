"""How does BenchMARL train its algorithms on a population, all copies at once?"""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarl.algorithms import MappoConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig

from mfg_envs import ring_road_v0
from wrappers import to_benchmarl

task = to_benchmarl(ring_road_v0.parallel_env, "ring_road", num_agents=4, max_cycles=32)
model, critic = MlpConfig.get_from_yaml(), MlpConfig.get_from_yaml()
model.num_cells = critic.num_cells = [32]
config = ExperimentConfig.get_from_yaml()
config.gamma, config.lr, config.loggers, config.create_json = 0.9, 1e-3, ["csv"], False
config.max_n_frames, config.on_policy_collected_frames_per_batch = 768, 256
config.on_policy_n_envs_per_worker, config.on_policy_n_minibatch_iters = 8, 4
config.on_policy_minibatch_size = 64
config.evaluation_interval, config.evaluation_episodes = 256, 4

with TemporaryDirectory() as folder:
    config.save_folder = folder
    experiment = Experiment(task, MappoConfig.get_from_yaml(), model, 0, config, critic)
    experiment.run()
    (curve,) = Path(folder).rglob("eval_reward_episode_reward_mean.csv")
    for line in curve.read_text().split():
        iteration, reward = line.split(",")
        print(f"iteration {iteration}: mean reward {float(reward) / 32:.4f}")
