"""Road networks by hand."""

from mfg_envs.games.roads.networks import Network


def lines(*links, first_thru_node=1, **columns):
    """Return a network of (tail, head, free-flow time) with links that never jam."""
    tail, head, free_time = zip(*links, strict=True)
    rest = {"delay": (0,) * len(links), "capacity": (1,) * len(links), "power": (1,) * len(links)}
    return Network(
        name="lines",
        tail=tail,
        head=head,
        free_time=free_time,
        first_thru_node=first_thru_node,
        **{**rest, **columns},
    )
