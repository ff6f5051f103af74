"""SMPL-X through smplx: joints, placement by the head, capsules, the free body."""
