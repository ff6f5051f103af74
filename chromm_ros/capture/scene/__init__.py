"""The static scene, and what hides what."""
