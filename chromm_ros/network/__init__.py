"""The CHROMM network: one ViT, scene branch, human branch, presets, checkpoints."""

from chromm_ros.network.chromm import Chromm
from chromm_ros.network.human.encoder import HumanEncoder
from chromm_ros.network.outputs import PeopleEstimates, SceneGeometry
from chromm_ros.network.scene.calibration import Calibration
from chromm_ros.network.scene.network import SceneNetwork

__all__ = ['Calibration', 'Chromm', 'HumanEncoder', 'PeopleEstimates', 'SceneGeometry', 'SceneNetwork']
