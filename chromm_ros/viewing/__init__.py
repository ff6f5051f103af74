"""Draws the world on a viser page; knows neither ROS nor bags."""
