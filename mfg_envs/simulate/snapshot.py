"""The moment of a ``BatchEnv`` as arrays: to go on from it later, or elsewhere, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mfg_envs.game import Array
from mfg_envs.simulate.batch import BatchEnv

PARTS = ("state", "mean_field", "t", "seed", "episode", "law")


def snapshot(batch: BatchEnv) -> dict[str, Array]:
    """Return private states, mean fields, time, seed and episode (and the law of a crowd)."""
    if not hasattr(batch, "state"):
        raise RuntimeError("call reset() before snapshot()")
    seed, number = batch.episode
    return {
        "state": np.array(batch.state),
        "mean_field": np.array(batch.mean_field),
        "t": np.array(batch.t),
        "seed": np.array(seed, np.uint64),
        "episode": np.array(number + 1),
        "law": np.empty(0) if batch.law is None else np.array(batch.law),
    }


def restore(batch: BatchEnv, moment: Mapping[str, Array]) -> Array:
    """Put a ``BatchEnv`` of the same game and size at a moment; return what players see then.

    The crowd of mode "mean_field" is not part of a moment: set it before.

    Raises:
        ValueError: If the moment is of another number of populations or players.
    """
    shape = (batch.num_envs, batch.num_agents)
    if np.shape(moment["state"])[:2] != shape:
        raise ValueError(
            f"the moment has {np.shape(moment['state'])[:2]} populations and players, the"
            f" environment {shape}"
        )
    batch.stand(
        int(moment["t"]),
        moment["state"],
        mean_field=moment["mean_field"],
        episode=(int(moment["seed"]), int(moment["episode"]) - 1),
        law=moment["law"] if len(moment["law"]) else None,
    )
    return batch.look(batch.observer)
