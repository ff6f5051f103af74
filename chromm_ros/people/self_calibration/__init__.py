"""Where cameras stand, from the people that they see together: no board, no scene network."""
