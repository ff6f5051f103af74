"""The CHROMM network: one ViT, scene branch, human branch, presets, checkpoints."""
