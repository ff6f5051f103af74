"""The capture node on the cameras of a robot, with RViz if wanted.

ros2 launch chromm_ros multicam.launch.py cameras:=front,left,right image_topic:='{camera}/color/image_raw'
"""

from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from chromm_ros.ros.common.dds import dds_environment, shared_file
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

PASSED_ON = {
    'image_topic': 'Topic of the images; {camera} stands for the name of the camera',
    'camera_info_topic': 'Topic of the calibration',
    'image_transport': 'raw or compressed',
    'preset': 'Network: auto, open, tiny or full',
    'weights': 'Weight file of the network',
    'human_head': 'chromm or multi_hmr',
    'extrinsics': 'Where camera poses come from: auto, tf, estimated or tf_then_refine',
    'world_frame': 'Frame of everything that is published',
}
"""Arguments that become parameters of the same name; empty: what the parameter file says."""


def generate_launch_description() -> LaunchDescription:
    """Arguments, the environment that images need, the capture node, RViz."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('cameras', default_value='', description='Names of the cameras, with commas'),
            *(DeclareLaunchArgument(name, default_value='', description=text) for name, text in PASSED_ON.items()),
            DeclareLaunchArgument(
                'config', default_value=str(shared_file('config', 'multicam.yaml')), description='Parameter file'
            ),
            DeclareLaunchArgument('namespace', default_value='', description='Namespace of the node and its topics'),
            DeclareLaunchArgument('use_sim_time', default_value='false', description='Take the time from /clock'),
            DeclareLaunchArgument('rviz', default_value='false', description='Start RViz'),
            *(SetEnvironmentVariable(name, value) for name, value in dds_environment().items()),
            OpaqueFunction(function=capture),
            Node(
                package='rviz2',
                executable='rviz2',
                arguments=['-d', str(shared_file('rviz', 'multicam.rviz'))],
                condition=IfCondition(LaunchConfiguration('rviz')),
            ),
        ]
    )


def capture(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The capture node with the parameters that the user gave on the command line."""
    given = {name: LaunchConfiguration(name).perform(context) for name in (*PASSED_ON, 'cameras', 'use_sim_time')}
    parameters: dict[str, object] = {name: given[name] for name in PASSED_ON if given[name]}
    parameters['use_sim_time'] = given['use_sim_time'].lower() in ('true', '1')
    if given['cameras']:
        parameters['cameras'] = [name.strip() for name in given['cameras'].split(',')]
    return [
        Node(
            package='chromm_ros',
            executable='capture',
            name='chromm',
            namespace=LaunchConfiguration('namespace'),
            parameters=[LaunchConfiguration('config'), parameters],
            output='screen',
        )
    ]
