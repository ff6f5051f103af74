"""Measurements: ratios and counted work, for ``make bench``."""
