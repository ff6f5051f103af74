"""Snapshots into messages, transforms, markers and clouds."""
