"""Bodies in the layout of SMPL-X: files, joints and skin, simple solids around them."""
