"""A synthetic room instead of cameras, captured and shown in RViz.

ros2 launch chromm_ros demo.launch.py people:=2 seed:=7
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction, Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from chromm_ros.programs import missing
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

try:
    from chromm_ros.ros.common import launching
except ModuleNotFoundError as error:
    raise RuntimeError(missing(error)) from None

HANDED_ON = {
    'extrinsics': ('auto', 'Where camera poses come from', launching.CHOICES['extrinsics']),
    'world_frame': ('map', 'Frame of everything that is published', None),
    'namespace': ('', 'Namespace of room and capture: two of them run side by side', None),
    'namespaced_tf': ('false', 'Use the topics tf and tf_static of the namespace', launching.BOOLEANS),
    'rviz': ('true', 'Start RViz', launching.BOOLEANS),
    'rviz_config': ('multicam', f'What RViz shows: {", ".join(launching.VIEWS)}, or a path to your own', None),
}
"""Arguments that multicam.launch.py gets: default, meaning, and the words that are allowed."""
ARGUMENTS = {
    'cameras': ('4', 'Number of cameras, 1 to 8', None),
    'people': ('3', 'Number of people in the room, 0 to 20', None),
    'script': ('', 'What happens; empty: random behaviour', launching.SCRIPTS),
    'seed': ('0', 'Seed of the room and its people', None),
    'rate': ('10.0', 'Images per second of every camera, 0.1 to 60', None),
    **HANDED_ON,
}


def generate_launch_description() -> LaunchDescription:
    """Arguments, multicam.launch.py on the names of the synthetic cameras, and then the cameras."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text, choices=choices)
                for name, (default, text, choices) in ARGUMENTS.items()
            ),
            OpaqueFunction(function=room_and_capture),
        ]
    )


def room_and_capture(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The capture first: it is what may be refused."""
    launching.refuse_unknown(context.argv, ARGUMENTS, __file__)
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    room = launching.synthetic_room(given)
    parent = context.launch_configurations.get('ros_namespace', '')
    multicam = {**{name: given[name] for name in HANDED_ON}, 'cameras': ','.join(room['cameras']), 'preset': 'tiny'}
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(Path(__file__).with_name('multicam.launch.py'))),
            launch_arguments=multicam.items(),
        ),
        Node(
            package='chromm_ros',
            executable='cameras',
            name='synthetic',
            namespace=launching.full_namespace(given['namespace'], parent),
            parameters=[room],
            remappings=launching.NAMESPACED_TF if launching.truth(given['namespaced_tf']) else (),
            additional_env=launching.ends_with_launch(),
            on_exit=Shutdown(reason='the synthetic cameras ended'),
            output='screen',
        ),
    ]
