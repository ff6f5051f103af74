"""The human branch: encoder, detection, heads, decoding of people."""
