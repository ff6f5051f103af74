"""What can be wrong with what comes in: the sentence, what it means and what to change, each said once.

The diagnostics of the node, the notes of offline runs and docs/troubleshooting.md are all made from these tables.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any


class Level(enum.IntEnum):
    """The numbers are those of ``diagnostic_msgs/DiagnosticStatus``."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Condition:
    """One thing that a part of the system can report. ``says`` and ``change`` have ``{placeholders}``."""

    task: str
    """Part of the diagnostics that reports it: camera, sync, inference, world, model, node or gpu."""
    level: Level
    says: str
    means: str
    change: str

    def found(self, **values: Any) -> Finding:
        """The condition as it is met now."""
        says, change = self.says.format(**values), self.change.format(**values)
        return Finding(self, f'{says}: {change}' if change else says)


@dataclass(frozen=True)
class Finding:
    """A condition with its numbers."""

    condition: Condition
    text: str
    """What is wrong and what to change, in one line."""

    @property
    def level(self) -> Level:
        return self.condition.level


def worst(findings: list[Finding]) -> Finding | None:
    """The most severe one, the first of these; None: all is well."""
    return max(findings, key=lambda finding: finding.level, default=None)


# -- cameras ---------------------------------------------

NO_IMAGE = Condition(
    'camera',
    Level.ERROR,
    'no image yet on {topic}{there}',
    'nothing was received since the node was activated',
    'start the driver; compare with `ros2 topic list` and `ros2 topic hz` (parameters cameras, image_topic, '
    'image_transport; namespace)',
)
CANNOT_HEAR = Condition(
    'camera',
    Level.ERROR,
    'no image can arrive, {problem}',
    'a driver sends on the topic, but its reliability, durability or message type do not fit what is asked for',
    'set image_reliability: best_effort, or image_transport as the driver sends',
)
NOTHING_RECORDED = Condition(
    'camera',
    Level.ERROR,
    'the recording has no image of it',
    'the topic is in the bag, or the folder is there, but it holds nothing',
    'record it again, or leave the camera out',
)
COVERS_PART = Condition(
    'camera',
    Level.WARN,
    'has images from {first:.1f} s to {last:.1f} s of {total:.1f} s only',
    'the camera started later, or stopped earlier than the others; they go on without it',
    'nothing, where it is meant; else compare the clocks (offset) and the disks',
)
MISSING = Condition(
    'camera',
    Level.ERROR,
    'missing for {age:.1f} s, the others go on without it',
    'its newest image is older than camera_timeout against the newest image of the rig',
    'look at its driver and its cable; raise camera_timeout where it is only slow',
)
STALE_CAMERA = Condition(
    'camera',
    Level.WARN,
    'stale, the newest image is {age:.1f} s old',
    'no camera sends at the moment, or stamps are of another clock',
    'look at the drivers; under simulated time set use_sim_time',
)
NOTHING_USED = Condition(
    'camera',
    Level.ERROR,
    'none of the last {count} images was used ({reason})',
    'images arrive, but every one is left out',
    'see the drop reason and the task sync',
)
NO_PARTNERS = Condition(
    'camera',
    Level.WARN,
    'none of the last {count} images found those of the other cameras',
    'images arrive in time, but not together with the others',
    'see the task sync',
)
BAD_IMAGE = Condition(
    'camera',
    Level.ERROR,
    'images cannot be used: {problem} ({count} images lost)',
    'images cannot be decoded: damaged, truncated, or an encoding that is not known',
    'have the driver send one of the known encodings, or point image_topic to another stream',
)
BAD_CALIBRATION = Condition(
    'camera',
    Level.WARN,
    'calibration not used: {problem}',
    'the CameraInfo cannot be used; the network estimates the intrinsics instead',
    'calibrate the camera, or correct what the driver sends on {topic}',
)
BAD_DEPTH = Condition(
    'camera',
    Level.WARN,
    '{problem} ({count} depth images lost)',
    'depth images cannot be used; the camera goes on without depth',
    'publish depth that is registered to the colour image, as 16UC1 (mm) or 32FC1 (m), uncompressed',
)
UNDATED = Condition(
    'camera',
    Level.WARN,
    'the driver does not date its images (header.stamp is 0); their time of arrival is used',
    'cameras are matched by stamps; times of arrival are late and uneven',
    'have the driver set header.stamp, or set stamps: arrival to say that it is meant',
)
STAMPS_STAND_STILL = Condition(
    'camera',
    Level.ERROR,
    'stamps stand still, {count} images have the stamp {stamp:.3f}',
    'the driver sends new images with an old stamp; all but the first are dropped as duplicates',
    'mend header.stamp in the driver, or set stamps: arrival',
)
OTHER_CLOCK = Condition(
    'camera',
    Level.ERROR,
    'stamps are of another clock, {difference:+.3g} s against {against}',
    'the computers of the cameras do not agree on the time; images of different clocks are never matched',
    'synchronise the clocks (chrony, PTP), set use_sim_time where the stamps are simulated, or set stamps: arrival',
)
STAMPS_GO_BACK = Condition(
    'camera',
    Level.WARN,
    'stamps went back {count} times, by up to {most:.3g} s',
    'the clock of the camera was set, a recording starts anew, or images are sent in the wrong order',
    'let nothing set the clock while cameras run (chrony slews), or set stamps: arrival',
)
PICTURE_STANDS_STILL = Condition(
    'camera',
    Level.WARN,
    'the picture has not changed for {seconds:.0f} s although its stamps go on',
    'the camera or its driver is frozen; people in it stay where they were (a simulator without noise looks alike)',
    'restart the driver',
)
LEADING_SLASH = Condition(
    'camera',
    Level.WARN,
    'frame_id {frame!r} has a leading slash, which TF 2 does not know; it is read as {stripped!r}',
    'a driver or a recording from the days of ROS 1',
    'leave the slash out of frame_id',
)
NO_FRAME = Condition(
    'camera',
    Level.WARN,
    'frame_id {frame!r} is not connected to the world {world!r} in TF (it hangs on {root!r})',
    'the pose of the camera is known, but in another world; it is estimated instead',
    'set world_frame: {root}, or publish a transform from {world} to {root}',
)
BODY_FRAME = Condition(
    'camera',
    Level.ERROR,
    'frame_id names the body of the camera (x forward), not its optical frame (z forward)',
    'the pose from TF is turned by 120 degrees about (1, 1, 1): with it the camera would look straight up',
    'have the driver send its optical frame as frame_id (often <camera>_optical_frame); where there is none, publish '
    'one below the body with the rotation x y z w = -0.5 0.5 -0.5 0.5; nothing where it does look straight up',
)

# -- synchronisation ---------------------------------------------

NO_IMAGES = Condition(
    'sync', Level.STALE, 'no images', 'no camera has sent anything lately', 'see the tasks of the cameras'
)
FREE_RUNNING = Condition(
    'sync',
    Level.ERROR,
    'cameras run free, their images are {distance:.3f} s apart and sync_slop is {slop:g} s; {share:.0%} of the image '
    'sets are lost',
    'images of one moment differ in their stamps by more than sync_slop, so that they make no set',
    'set sync_slop: {enough:.3f}, or trigger the cameras together',
)
UNPAIRED = Condition(
    'sync',
    Level.ERROR,
    'images arrive but make no set ({reasons})',
    'too few cameras deliver images of the same moment',
    'see the tasks of the cameras; min_views is {min_views}',
)
FEWER_CAMERAS = Condition(
    'sync',
    Level.WARN,
    'only {live} of {all} cameras',
    'the others are missing; people and scale are worse with fewer views',
    'see the tasks of the cameras',
)

# -- the rest of the node ---------------------------------------------

NO_WINDOW = Condition(
    'inference',
    Level.STALE,
    'no window yet',
    'no image set was computed since the activation',
    'see the tasks sync and camera',
)
NO_NEW_WINDOW = Condition(
    'inference',
    Level.ERROR,
    'no window for {seconds:.1f} s',
    'nothing comes out: image sets are missing, or a window takes very long',
    'see the tasks sync and camera',
)
WINDOW_LOST = Condition(
    'inference',
    Level.ERROR,
    'the last window failed: {problem}',
    'the computation of a window failed; the next one is tried',
    'report it with the log of the node',
)
SLOW = Condition(
    'inference',
    Level.WARN,
    'delay {delay:.2f} s is over max_latency ({limit:g} s)',
    'a window takes longer than it should',
    'lower the rate, window_size or the number of cameras, take a faster GPU, or raise max_latency',
)
TOO_FEW_SETS = Condition(
    'inference',
    Level.WARN,
    '{rate:.1f} image sets per second are too few, people keep their ids from {least:g} on',
    'people go too far from one image set to the next to be told from others near them',
    'raise the rate of the cameras; where windows take too long, lower window_size or the number of cameras, or take '
    'a faster computer',
)
NOTHING_OUT = Condition(
    'node',
    Level.ERROR,
    'active, but nothing comes out: {why}',
    'the node runs and publishes nothing; the first part that is not well is named',
    '',
)
NOTHING_YET = Condition(
    'node',
    Level.WARN,
    'active, nothing has come out yet: {why}',
    'the node waits for its first window',
    '',
)
INCOMPATIBLE = Condition(
    'node',
    Level.WARN,
    '{problem}',
    'nothing passes between this node and a peer: a reliable subscriber of a best-effort publisher, a latched one, '
    'or another message type',
    'image_reliability: best_effort; QoS overrides are parameters',
)
OTHER_PUBLISHER = Condition(
    'node',
    Level.ERROR,
    'somebody else publishes on {topics} too: {nodes}',
    'subscribers get the messages of both, with ids that mean different people: a capture that was left behind, a '
    'second one in the same namespace, or a replay of recorded outputs',
    'end one of them, or start this one in a namespace (namespace:=robot1)',
)
UNTRAINED = Condition(
    'model',
    Level.WARN,
    'the network is not trained: people and scene mean nothing',
    'no weight file was given and none is in the package',
    'give weights; `chromm weights check` says whether a file fits',
)
GPU_MEMORY = Condition(
    'gpu', Level.WARN, 'memory is short', 'less than 5 % is free', 'lower window_size, precision: bf16'
)
BUMPED = Condition(
    'world',
    Level.WARN,
    'not where TF says: {cameras}',
    'the camera was moved, or its calibration is wrong: the network sees it elsewhere for several windows',
    'calibrate anew, or extrinsics: estimated',
)
OTHER_TF = Condition(
    'world',
    Level.WARN,
    'nobody sends transforms on /tf as this node hears it, but there are some on {topics}',
    'the robot has its transforms in a namespace; without them camera poses are estimated',
    'launch with namespace and namespaced_tf:=true, or remap with -r /tf:=<namespace>/tf and the same for /tf_static',
)
FRAME_TAKEN = Condition(
    'world',
    Level.WARN,
    'the TF frame {frame} is not sent, somebody else gives it the parent {parent}',
    'a frame has one parent; two captures, or a capture and a driver, use the same name',
    'choose another camera_frame_prefix or namespace',
)


def conditions() -> tuple[Condition, ...]:
    """All of them, in the order of their definition."""
    return tuple(value for value in globals().values() if isinstance(value, Condition))
