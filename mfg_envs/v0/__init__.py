"""The ``<game>_v0`` modules: ``from mfg_envs import ring_road_v0`` finds them here."""
