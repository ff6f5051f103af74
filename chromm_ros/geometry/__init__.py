"""Cameras and rays, triangulation, similarity transforms."""
