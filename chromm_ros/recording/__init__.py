"""Bags, offline runs and exports."""
