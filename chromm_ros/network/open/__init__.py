"""People on real cameras, from public networks with permissive weights: no training, any CPU."""
