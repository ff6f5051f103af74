"""The node's own settings. With those of the capture they are the parameters of the node ``chromm``."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from chromm_ros.capture.settings import CaptureSettings
from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.settings import setting


@dataclass(frozen=True)
class NodeSettings(IntakeSettings):
    """Where images come from (inherited), which network runs, and what is published."""

    queue_policy: str = setting(
        'latest',
        'While a window is computed, latest keeps only the newest image set that came meanwhile; block makes the '
        'subscriptions wait, for recordings.',
        choices=('latest', 'block'),
    )

    preset: str = setting(
        'auto',
        'Network: open reads people on real cameras, tiny the synthetic studio (both are in the package), full takes '
        'the public checkpoints; auto is what weights hold, else open.',
        choices=('auto', 'open', 'tiny', 'full'),
    )
    weights: str = setting('', 'Weight file of the network; empty: the one in the package (open and tiny).')
    human_head: str = setting(
        'chromm',
        'Head that reads people: that of CHROMM, or that of the public Multi-HMR checkpoint.',
        choices=('chromm', 'multi_hmr'),
    )
    body_model: str = setting('', 'Path to your SMPLX_NEUTRAL.npz; empty: the free body in the package.')
    device: str = setting('auto', 'Device of the network: cpu, cuda, cuda:1, ...; auto: the GPU where there is one.')
    precision: str = setting(
        'auto',
        'Number format of the network; auto: bf16 where the device has it, else fp32.',
        choices=('auto', 'fp32', 'bf16', 'fp16'),
    )
    max_people: int = setting(10, 'People that are read in one image at most.', unit='people', low=1, high=100)
    compiled: bool = setting(
        False,
        'Compile the network, on a GPU into CUDA graphs, before the first window of every size of images, which then '
        'takes long.',
    )

    tf_timeout: float = setting(
        0.1,
        'How long an image set waits for the TF pose of a camera at the stamp of its image.',
        unit='s',
        low=0.0,
        high=2.0,
        live=True,
    )
    publish_human_tf: bool = setting(
        False,
        'Send a TF frame body_<body_id> for every tracked person. TF never forgets a frame, so ids add up in it.',
        live=True,
    )
    publish_joints: bool = setting(True, 'Fill the joints of Human messages.', live=True)
    publish_capsules: bool = setting(True, 'Fill the capsules of Human messages.', live=True)
    margin_sigma: float = 2.0
    """Standard deviations of the position in the margin of the bounding cylinder."""
    max_margin: float = setting(
        1.0,
        'Two standard deviations of the position up to which a person is reported at a place and as an obstacle; '
        'beyond it somebody may be in the region.',
        unit='m',
        low=0.0,
        high=10.0,
        live=True,
    )
    marker_style: str = setting(
        'skeleton', 'How ~/markers shows people.', choices=('skeleton', 'capsules', 'mesh'), live=True
    )
    obstacle_spacing: float = setting(
        0.1,
        'Distance between neighbouring points of ~/obstacles on a surface.',
        unit='m',
        low=0.02,
        high=1.0,
        live=True,
    )
    scene_period: float = setting(
        1.0, 'Least time between two messages on ~/scene.', unit='s', low=0.0, high=600.0, live=True
    )
    prediction_rate: float = setting(
        10.0,
        'Rate of ~/humans_predicted while somebody subscribes; 0: off.',
        unit='Hz',
        low=0.0,
        high=100.0,
        live=True,
    )
    diagnostics_period: float = setting(
        1.0, 'Time between two messages on /diagnostics.', unit='s', low=0.1, high=60.0
    )
    max_latency: float = setting(
        2.0,
        'Delay from the acquisition of the images to the message above which the diagnostics warn.',
        unit='s',
        low=0.01,
        high=60.0,
        live=True,
    )
    save_directory: str = setting(
        '', 'The only folder into which ~/save_scene may write; empty: the service refuses.'
    )
    autostart: bool = setting(
        True, 'Configure and activate the node when it starts, unless a lifecycle manager is connected.'
    )


@dataclass(frozen=True)
class Parameters:
    """All parameters of the node ``chromm``, as they were at one time."""

    node: NodeSettings = dataclasses.field(default_factory=NodeSettings)
    capture: CaptureSettings = dataclasses.field(default_factory=CaptureSettings)


@dataclass(frozen=True)
class CamerasSettings:
    """Parameters of the synthetic cameras."""

    cameras: tuple[str, ...] = setting(
        ('camera_0', 'camera_1', 'camera_2', 'camera_3'),
        'Names of the cameras; their number is that of the rig (1 to 8).',
    )
    seed: int = setting(0, 'Seed of the room, the cameras, the people and their motion.', low=0, high=2**31 - 1)
    people: int = setting(3, 'People in the room; a script brings its own.', low=0, high=20)
    script: str = setting(
        '',
        'What happens: walks, leaves_and_returns, crossing (two change places) or hidden (from all cameras but one); '
        'then it begins again. Empty: random behaviour.',
    )
    rate: float = setting(10.0, 'Images per second of every camera.', unit='Hz', low=0.1, high=60.0)
    width: int = setting(192, 'Width of the images.', unit='px', low=32, high=1920)
    height: int = setting(144, 'Height of the images.', unit='px', low=32, high=1080)
    compressed: bool = setting(False, 'Send CompressedImage (JPEG) on <camera>/image/compressed instead of Image.')
    world_frame: str = setting('map', 'Parent of the camera frames, and frame of the truth.')
    publish_tf: bool = setting(True, 'Publish the poses of the cameras on /tf_static.')
    stopped: tuple[str, ...] = setting(
        ('',),
        'Cameras that send nothing at the moment. ROS knows no empty list of strings: one empty name means none.',
        live=True,
    )


@dataclass(frozen=True)
class FootageSettings:
    """Parameters of the node that plays real footage."""

    demo: str = setting(
        'multi', 'Which footage: three people, or one and somebody far away.', choices=('multi', 'single')
    )
    rate: float = setting(10.0, 'Images per second of every camera.', unit='Hz', low=0.1, high=60.0)
    world_frame: str = setting('map', 'Parent of the camera frames.')
    publish_tf: bool = setting(True, 'Publish the poses of the calibration on /tf_static.')


@dataclass(frozen=True)
class ViewerSettings:
    """Parameters of the viewer."""

    cameras: tuple[str, ...] = setting(
        ('camera_0', 'camera_1', 'camera_2', 'camera_3'), 'Cameras whose images are shown.'
    )
    source: str = setting('/chromm', 'Name of the capture node: its topics are <source>/humans, <source>/scene, ...')
    image_topic: str = setting('{camera}/image', 'Topic of the images, as for the capture.')
    camera_info_topic: str = setting('{camera}/camera_info', 'Topic of the calibration, as for the capture.')
    image_transport: str = setting('raw', 'Type of the image messages.', choices=('raw', 'compressed'))
    host: str = setting('127.0.0.1', 'Address to serve on. There is no password: leave it local.')
    port: int = setting(8080, 'Port of the page.', low=1, high=65535)
    max_rate: float = setting(10.0, 'Updates of the page per second at most.', unit='Hz', low=0.1, high=60.0)
