"""Histograms of players."""

import numpy as np
import pytest

from mfg_envs.game.histograms import shares


@pytest.mark.parametrize("batch", [(), (3,), (2, 3)])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
def test_every_population_has_its_own_shares(batch, kind):
    index = np.random.default_rng(0).integers(5, size=(*batch, 40)).astype(kind)
    found = shares(index, 5)
    assert found.shape == (*batch, 5)
    for b in np.ndindex(*batch):
        assert found[b].tolist() == [(index[b] == cell).sum() / 40 for cell in range(5)]


def test_nobody_is_nowhere():
    assert shares(np.empty((2, 0), np.int64), 3).tolist() == [[0, 0, 0], [0, 0, 0]]
    assert shares(np.empty((0, 4), np.int64), 3).shape == (0, 3)
