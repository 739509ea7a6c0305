import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("numba")

SCRIPT = textwrap.dedent(
    """
    import hashlib, sys
    import numpy as np
    from agents import SemiSGD
    from mfg_envs import BatchEnv, make_game, policies
    for reward in sys.argv[1:]:
        game = make_game("ring_road", reward=reward, num_cells=7, num_speeds=5)
        learned = list(SemiSGD(iterations=1, inner_steps=50, alpha=0.1).learn(game, 3))[-1]
        env = BatchEnv(game, num_agents=3, seed=0)
        env.reset()
        stepped = env.step(np.array([[0, 1, 2]]))
        rolled = env.rollout(policies.uniform(game), 4)
        parts = (learned.q, learned.mean_field, stepped.reward, rolled.mean_field, rolled.reward)
        print(reward, hashlib.sha256(b"".join(p.tobytes() for p in parts)).hexdigest())
    """
)


def digests(cache, *rewards):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache), "MFG_ENVS_BACKEND": "numba"}
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, *rewards],
        env=environment, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return dict(line.split() for line in out.splitlines())


@pytest.mark.slow
def test_kernels_kept_by_two_processes_do_not_stand_in_for_each_other_in_a_third(tmp_path):
    # numba names symbols by a counter that starts anew in every process, and links by name.
    alone = digests(tmp_path, "min") | digests(tmp_path, "additive")
    assert digests(tmp_path, "min", "additive") == alone
    assert digests(tmp_path, "additive", "min") == alone
    assert digests(tmp_path / "cold", "additive", "min") == alone
