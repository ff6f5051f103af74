"""The CHROMM network: one ViT, scene branch, human branch, presets, checkpoints."""

from .calibration import Calibration
from .chromm import Chromm
from .human_encoder import HumanEncoder
from .outputs import PeopleEstimates, SceneGeometry
from .scene import SceneNetwork

__all__ = ['Calibration', 'Chromm', 'HumanEncoder', 'PeopleEstimates', 'SceneGeometry', 'SceneNetwork']
