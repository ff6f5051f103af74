"""Nav2's collision monitor on the people of a capture, and the manager that configures and activates it.

ros2 launch examples/nav2_collision_monitor.launch.py manage_capture:=true
"""

from pathlib import Path

from launch.actions import DeclareLaunchArgument, OpaqueFunction
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity

PARAMETERS = str(Path(__file__).with_name('nav2_collision_monitor.yaml'))


def generate_launch_description() -> LaunchDescription:
    """One argument, and the nodes."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'manage_capture',
                default_value='false',
                description='Let Nav2 configure and activate the capture, too',
                choices=['true', 'false'],
            ),
            OpaqueFunction(function=nodes),
        ]
    )


def nodes(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """The monitor and its manager; a manager for the capture where it is wanted."""
    managers = ['lifecycle_manager_collision']
    if LaunchConfiguration('manage_capture').perform(context) == 'true':
        managers.append('lifecycle_manager_people')
    return [
        Node(
            package='nav2_collision_monitor',
            executable='collision_monitor',
            name='collision_monitor',
            parameters=[PARAMETERS],
            output='screen',
        ),
        *(
            Node(
                package='nav2_lifecycle_manager',
                executable='lifecycle_manager',
                name=name,
                parameters=[PARAMETERS],
                output='screen',
            )
            for name in managers
        ),
    ]
