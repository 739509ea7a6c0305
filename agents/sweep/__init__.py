"""Grids of runs, on the cores of a machine or on a Ray cluster."""
