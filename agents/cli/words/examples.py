"""Examples that end the help of every command; a test reads them back."""

from __future__ import annotations

EXAMPLES = {
    "list": ("mfg-envs list", "mfg-envs list | grep -i bar", "mfg-envs list my_game.py"),
    "show": (
        "mfg-envs show SemiSGD",
        "mfg-envs show ring_road --set num_cells=20 --save road.png",
        "mfg-envs show routing --network City_net.tntp --trips City_trips.tntp",
    ),
    "play": (
        "mfg-envs play ring_road",
        "mfg-envs play four_rooms --agents 500 --render rooms.gif",
        "mfg-envs play sis --policy results/SemiSGD_sis --render human --fps 5",
    ),
    "train": (
        "mfg-envs train OnlineMirrorDescent sis --set rate=0.5 --game-set recovery=0.5",
        "mfg-envs train IndependentLearners ring_road --set algorithm=DQN --agents 10",
        "mfg-envs train my_learner.py:MyLearner my_game.py:MyGame --seeds 3",
    ),
    "evaluate": (
        "mfg-envs evaluate results/SemiSGD_ring_road --agents 10,1000 --json out.json",
        "mfg-envs evaluate model.zip --game sis --set recovery=0.5 --observe state",
        "mfg-envs evaluate team --game four_rooms_grid",
    ),
    "plot": (
        "mfg-envs plot results/SemiSGD_ring_road",
        "mfg-envs plot results/SemiSGD_ring_road results/QMIteration_ring_road",
    ),
    "sweep": (
        "mfg-envs sweep SemiSGD ring_road --grid alpha=0.001,0.01,0.1",
        "mfg-envs sweep OnlineMirrorDescent sis --grid rate=0.1,1 --game-grid recovery=0.5,0.9",
    ),
    "reproduce": ("mfg-envs reproduce ring-road --quick", "mfg-envs reproduce solvers --help"),
    "bench": ("mfg-envs bench --quick", "mfg-envs bench --only step --json speed.json"),
    "check": (
        "mfg-envs check my_game:MyGame",
        "mfg-envs check games/my_game.py:MyGame --set num_cells=10",
        "mfg-envs check my_learner.py:MyLearner --game sis",
    ),
}
"""Command -> command lines."""


def epilog(command: str) -> str:
    """Return what the help of a command ends with; typer keeps line breaks that are doubled."""
    return "\n\n".join(
        ("[bold]Examples[/]", *(line.replace("[", r"\[") for line in EXAMPLES[command]))
    )
