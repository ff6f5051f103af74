"""The rolling window: cached features, one pass of the network, its stages."""
