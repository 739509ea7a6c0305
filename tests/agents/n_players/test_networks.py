import numpy as np
import pytest

torch = pytest.importorskip("torch")

from agents.n_players.networks import Adam, Shape, log_softmax  # noqa: E402


def test_layers_add_the_rows_of_state_and_time_and_the_mean_action():
    shape = Shape(states=2, times=3, others=2, hidden=(1,), outputs=2)
    # Rows of states, of times, of the mean action, the last matrix, both biases.
    weights = torch.tensor([1.0, 2, 10, 20, 30, 0.5, -0.5, 1, -1, 100, 0, 7])
    assert shape.size == len(weights)
    s, t = torch.tensor([1, 0]), torch.tensor([2, 0])
    others = torch.tensor([[1.0, 0], [0, 1]])
    # relu(2 + 30 + .5 + 100), relu(1 + 10 - .5 + 100)
    wanted = [[132.5, 7 - 132.5], [110.5, 7 - 110.5]]
    assert shape(weights, s, t, others).tolist() == wanted
    blind = Shape(states=2, times=3, others=0, hidden=(1,), outputs=2)
    given = torch.cat([weights[:5], weights[7:]])
    assert blind(given, s, t, others)[0].tolist() == [132, 7 - 132]


def test_steps_are_those_of_pytorch():
    generator = torch.Generator().manual_seed(1)
    weights = torch.randn(7, generator=generator)
    other = weights.clone().requires_grad_()
    theirs = torch.optim.Adam([other], lr=0.01)
    ours = Adam(weights, torch.zeros(2, 7), 0)
    for _ in range(5):
        gradient = torch.randn(7, generator=generator)
        other.grad = gradient.clone()
        theirs.step()
        ours = ours.descended(gradient, 0.01)
    np.testing.assert_allclose(ours.weights.numpy(), other.detach().numpy(), rtol=1e-5)


def test_illegal_actions_have_no_probability():
    legal = torch.tensor([[True, False, True]])
    law = log_softmax(torch.tensor([[0.0, 50.0, np.log(3)]]), legal).exp()
    np.testing.assert_allclose(law.numpy(), [[0.25, 0, 0.75]], rtol=1e-6)
