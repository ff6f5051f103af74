"""Tracking in a view, association over views, fusion and scale; knows nothing of networks."""
