"""Losses, the two stages of CHROMM, data and distributed runs."""
