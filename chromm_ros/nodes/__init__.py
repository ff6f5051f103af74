"""Everything that touches rclpy."""
