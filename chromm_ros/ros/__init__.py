"""All that touches ROS, and only that."""
