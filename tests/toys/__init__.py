"""Small games that between them use everything a game may do: the tests play these.

==========  ==================================================================================
toy         what it has
==========  ==================================================================================
Finite games of one or two lines
----------------------------------------------------------------------------------------------
Still       nobody moves, nothing is earned: a ground for others
Switch      the action is the next state; the own state's crowd costs
Coin        a step round the ring with chance one half, whatever one does
Walk        five places in a ring, stay or go right; an empty place to begin with
Clockwork   no chance at all: everybody goes round together
Squares     100 003 states, whose squares are beyond 32 bits
----------------------------------------------------------------------------------------------
Finite games with closed forms
----------------------------------------------------------------------------------------------
Places      a wanted place that is reached with some luck; worked by hand
Chain       no choices: any Markov chain, from its matrix
Contrary    a population that swings for ever
Fashion     one choice whose finite-N Nash gap is a sum of binomials
Lanes       Pigou's two roads: what everybody earns and the social optimum
Bids        a mean field of controls in which bidders pay for the bids of both states
Begun       a first law, of parameters, that may be wrong
----------------------------------------------------------------------------------------------
Finite games that between them use everything; ``conftest.py`` builds fixtures of them
----------------------------------------------------------------------------------------------
Epidemic    a noise law that reads the mean field
Market      a mean field of controls, over observed states that merge private ones;
            illegal actions that would pay
Corridor    illegal actions, three outcomes, a reward that reads the time
Garnet      random tables: a noise law that is an array, and a private property
Queues      places, where players count, apart from what is observed
Tolls       the same with a mean field of controls
----------------------------------------------------------------------------------------------
Continuous games
----------------------------------------------------------------------------------------------
Drift       players who stay where they begin; a first law that may be wrong
Spread      the same, read as a density
Drifters    noise whose width reads the state; the mean of the crowd
Beach       a walk on [0, 1] away from the others: a density
----------------------------------------------------------------------------------------------
Team games
----------------------------------------------------------------------------------------------
Follow      locals walk on a ring; the leader names where they should be
Pair        two states each; first laws that may be wrong
TeamGarnet  random laws for both kinds of agents; a reward of the joint law
----------------------------------------------------------------------------------------------
Games with parameters that plant a fault
----------------------------------------------------------------------------------------------
Melting     no frozen dataclass
Faulty      faults at t = 1 alone, where the first look at a game does not see them
FaultyPair  a law, a move or a reward that is wrong for one pair of state and action
Hole        a reward that is no number, which nobody need earn
FaultyTeam  a law, a move or a reward of the locals that is wrong
==========  ==================================================================================
"""

from toys.complete import Corridor, Epidemic, Garnet, Market, Queues, Tolls
from toys.continuous import Beach, Drift, Drifters, Spread
from toys.faults import Faulty, FaultyPair, FaultyTeam, Hole, Melting
from toys.finite import (
    Begun,
    Bids,
    Chain,
    Clockwork,
    Coin,
    Contrary,
    Fashion,
    Lanes,
    Places,
    Squares,
    Still,
    Switch,
    Walk,
)
from toys.teams import Follow, Pair, TeamGarnet

__all__ = [
    "Beach",
    "Begun",
    "Bids",
    "Chain",
    "Clockwork",
    "Coin",
    "Contrary",
    "Corridor",
    "Drift",
    "Drifters",
    "Epidemic",
    "Fashion",
    "Faulty",
    "FaultyPair",
    "FaultyTeam",
    "Follow",
    "Garnet",
    "Hole",
    "Lanes",
    "Market",
    "Melting",
    "Pair",
    "Places",
    "Queues",
    "Spread",
    "Squares",
    "Still",
    "Switch",
    "TeamGarnet",
    "Tolls",
    "Walk",
]
