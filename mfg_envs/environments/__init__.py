"""PettingZoo and Gymnasium: thin shells over ``simulate``."""
