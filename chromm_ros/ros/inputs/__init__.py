"""Image messages, calibration and poses into image sets."""
