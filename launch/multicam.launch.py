"""The capture node on the cameras of a robot, with RViz if wanted.

ros2 launch chromm_ros multicam.launch.py cameras:='[front, left]' image_topic:='{camera}/color/image_raw'
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from chromm_ros.programs import missing
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

try:
    from chromm_ros.ros.common import launching
    from chromm_ros.ros.common.dds import dds_environment, shared_file
except ModuleNotFoundError as error:
    raise RuntimeError(missing(error)) from None

PARAMETERS = {
    'image_topic': 'Topic of the images; {camera} stands for the name of the camera',
    'camera_info_topic': 'Topic of the calibration',
    'image_transport': 'Type of the image messages',
    'depth_topic': 'Topic of depth images that are registered to the colour images, if there are any',
    'sync_slop': 'Largest difference between the stamps of one image set [s]',
    'preset': 'Network: auto, open, tiny or full',
    'weights': 'Weight file of the network',
    'human_head': 'Head that reads people',
    'extrinsics': 'Where camera poses come from',
    'world_frame': 'Frame of everything that is published',
}
"""Arguments that become parameters of the same name; empty: what the parameter file says."""
NAMES = 'Names of the cameras, as front,left or [front, left]; empty: what the parameter file says'
ARGUMENTS = {
    'cameras': ('', NAMES, None),
    **{name: ('', text, launching.CHOICES.get(name)) for name, text in PARAMETERS.items()},
    'config': (str(shared_file('config', 'multicam.yaml')), 'Parameter file', None),
    'namespace': ('', 'Namespace of the node, its topics and its camera frames', None),
    'namespaced_tf': ('false', 'Use the topics tf and tf_static of the namespace', launching.BOOLEANS),
    'use_sim_time': ('false', 'Take the time from /clock', launching.BOOLEANS),
    'rviz': ('false', 'Start RViz', launching.BOOLEANS),
    'rviz_config': ('multicam', f'What RViz shows: {", ".join(launching.VIEWS)}, or a path to your own', None),
}
"""Default, meaning, and the words that are allowed."""


def generate_launch_description() -> LaunchDescription:
    """Arguments, the environment that images need, and all processes at once when everything is checked."""
    return LaunchDescription(
        [
            *(
                DeclareLaunchArgument(name, default_value=default, description=text, choices=choices)
                for name, (default, text, choices) in ARGUMENTS.items()
            ),
            *(SetEnvironmentVariable(name, value) for name, value in dds_environment().items()),
            OpaqueFunction(function=processes),
        ]
    )


def processes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The capture node with the parameters that the user gave on the command line, and RViz."""
    launching.refuse_unknown(context.argv, ARGUMENTS, __file__)
    given = {name: LaunchConfiguration(name).perform(context) for name in ARGUMENTS}
    plan = launching.plan(given, PARAMETERS, context.launch_configurations.get('ros_namespace', ''))
    capture = Node(
        package='chromm_ros',
        executable='capture',
        name=launching.NODE,
        namespace=plan.namespace,
        parameters=[plan.file, plan.overrides],
        remappings=plan.remappings,
        additional_env=launching.ends_with_launch(),
        output='screen',
    )
    if plan.rviz is None:
        return [capture]
    rviz = Node(
        package='rviz2',
        executable='rviz2',
        namespace=plan.namespace,
        parameters=[{'use_sim_time': plan.use_sim_time}],
        remappings=plan.remappings,
        arguments=list(plan.rviz),
    )
    return [capture, rviz]
