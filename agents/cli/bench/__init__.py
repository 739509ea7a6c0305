"""``mfg-envs bench``: speed, beside other libraries in the same run."""
