"""The world frame, its scale and floor, and the cameras in it."""
