"""A synthetic world: people who move through rooms, cameras that see them, and the truth about both."""
