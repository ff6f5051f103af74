"""People in motion, rooms, rigs, a renderer and exact truth."""
