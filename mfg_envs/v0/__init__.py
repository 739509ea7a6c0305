"""The ``<game>_v0`` modules: ``from mfg_envs import ring_road_v0`` finds them here."""

# They are modules of this folder:
# pyright: reportUnsupportedDunderAll=false

__all__ = [
    "beach_bar_grid_v0",
    "beach_bar_v0",
    "constrained_exploration_v0",
    "contraction_game_v0",
    "crowd_lq_v0",
    "crowd_modelling_v0",
    "dispatcher_v0",
    "flocking_v0",
    "follow_the_leader_v0",
    "four_rooms_grid_v0",
    "four_rooms_v0",
    "gaussian_squeeze_v0",
    "kinetic_congestion_v0",
    "lasry_lions_chain_v0",
    "left_right_v0",
    "linear_quadratic_v0",
    "mf_garnet_v0",
    "no_interaction_chain_v0",
    "one_shot_squeeze_v0",
    "predator_prey_v0",
    "price_impact_v0",
    "ring_road_v0",
    "rock_paper_scissors_v0",
    "routing_cycle_v0",
    "routing_v0",
    "sis_v0",
    "two_bar_coordination_v0",
]
