"""Tracking in a view, association over views, fusion and scale; knows nothing of networks."""

from chromm_ros.people.association import associate
from chromm_ros.people.fusion import fuse, pooled_tokens
from chromm_ros.people.reconstruction import reconstruct_people
from chromm_ros.people.rig_adjustment import adjust_rig
from chromm_ros.people.scale import ScaleEstimate, rescaled, rig_scale, scale_ratio
from chromm_ros.people.settings import (
    AssociationSettings,
    FusionSettings,
    PeopleSettings,
    ScaleSettings,
    TrackingSettings,
)
from chromm_ros.people.tracking import track

__all__ = [
    'AssociationSettings',
    'FusionSettings',
    'PeopleSettings',
    'ScaleEstimate',
    'ScaleSettings',
    'TrackingSettings',
    'adjust_rig',
    'associate',
    'fuse',
    'pooled_tokens',
    'reconstruct_people',
    'rescaled',
    'rig_scale',
    'scale_ratio',
    'track',
]
