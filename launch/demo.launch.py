"""A synthetic room instead of cameras, captured and shown in RViz.

ros2 launch chromm_ros demo.launch.py people:=2 seed:=7
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity


def generate_launch_description() -> LaunchDescription:
    """Arguments, the synthetic cameras, and multicam.launch.py for all that follows."""
    return LaunchDescription(
        [
            DeclareLaunchArgument('cameras', default_value='4', description='Number of cameras, 1 to 8'),
            DeclareLaunchArgument('people', default_value='3', description='Number of people in the room'),
            DeclareLaunchArgument(
                'script', default_value='', description='walks, leaves_and_returns, crossing or hidden'
            ),
            DeclareLaunchArgument('seed', default_value='0', description='Seed of the room and its people'),
            DeclareLaunchArgument('rate', default_value='10.0', description='Images per second of every camera'),
            DeclareLaunchArgument('extrinsics', default_value='auto', description='auto, tf or estimated'),
            DeclareLaunchArgument('rviz', default_value='true', description='Start RViz'),
            OpaqueFunction(function=room_and_capture),
        ]
    )


def room_and_capture(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The cameras node, and the capture node on the same names."""
    names = [f'camera_{index}' for index in range(int(LaunchConfiguration('cameras').perform(context)))]
    parameters = {
        'cameras': names,
        'people': int(LaunchConfiguration('people').perform(context)),
        'script': LaunchConfiguration('script').perform(context),
        'seed': int(LaunchConfiguration('seed').perform(context)),
        'rate': float(LaunchConfiguration('rate').perform(context)),
    }
    return [
        IncludeLaunchDescription(
            PythonLaunchDescriptionSource(str(Path(__file__).with_name('multicam.launch.py'))),
            launch_arguments={
                'cameras': ','.join(names),
                'extrinsics': LaunchConfiguration('extrinsics'),
                'rviz': LaunchConfiguration('rviz'),
            }.items(),
        ),
        Node(package='chromm_ros', executable='cameras', name='synthetic', parameters=[parameters], output='screen'),
    ]
