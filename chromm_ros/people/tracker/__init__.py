"""Several people from several live cameras: predict everybody, explain the detections of each view by them, believe
or doubt them by what every view sees and does not see."""

from chromm_ros.people.tracker.settings import IdentitySettings
from chromm_ros.people.tracker.tables import CameraViews, HeadDetections
from chromm_ros.people.tracker.tracker import Tracker

__all__ = ['CameraViews', 'HeadDetections', 'IdentitySettings', 'Tracker']
