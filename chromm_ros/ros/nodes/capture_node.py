"""Executable ``capture``: the managed node ``chromm`` that turns camera topics into people and a scene.

This file wires. Images are matched in :mod:`synchronizer`, computed in :mod:`pipeline`, put into messages in
:mod:`outputs`; the executor's thread only receives and sends.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import tf2_ros
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType, JumpThreshold, TimeJump
from rclpy.duration import Duration
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.timer import Timer

from chromm_ros.recording.ply import write_ply
from chromm_ros.ros.common import parameter_checks
from chromm_ros.ros.common.other_publishers import offers, other_publishers
from chromm_ros.ros.common.parameters import LoadsItsOwnDump, ParameterError, declare, updated
from chromm_ros.ros.common.qos_mismatch import NO_PUBLISHER_EVENTS, QosMismatches
from chromm_ros.ros.common.settings import NodeSettings, Parameters
from chromm_ros.ros.common.spin import leave, run_node, sentence
from chromm_ros.ros.common.transforms import CameraFrames
from chromm_ros.ros.nodes import services
from chromm_ros.ros.nodes.health import HealthLog, diagnostics
from chromm_ros.ros.nodes.model import Backend, NetworkBackend, gpu_lost
from chromm_ros.ros.nodes.pipeline import Pipeline
from chromm_ros.ros.outputs.body_shapes import meshes_of
from chromm_ros.ros.outputs.publishers import Outputs
from chromm_ros.srv import MergeIdentities, SaveScene, SetViews

AUTOSTART_SECONDS = 0.5
"""Time for a lifecycle manager to show up before the node starts itself."""
STOP_SECONDS = 30.0
"""How long to wait for the window in work when the node is deactivated."""
END_SECONDS = 1.0
"""The same when the process ends: ros2 launch loses its patience five seconds after Ctrl-C."""
LOG_SECONDS = 5.0
"""The same complaint is logged at most this often."""
UNTRAINED = 'the network is not trained: people and scene mean nothing'


class CaptureNode(LoadsItsOwnDump, LifecycleNode):
    """The node ``chromm``.

    Args:
        make_backend: loads network and body; a test passes a stand-in.
        options: of ``rclpy.node.Node``.
    """

    def __init__(self, make_backend: Callable[[NodeSettings], Backend] = NetworkBackend, **options: Any) -> None:
        super().__init__('chromm', **options)
        self.parameters = declare(self, Parameters())
        parameter_checks.check(self.parameters.node, self.get_namespace())
        self.exit_code = 0
        self.pipeline: Pipeline | None = None
        self.health_log = HealthLog()
        self._qos_mismatches = QosMismatches(self, self.get_logger().warning)
        self._make_backend = make_backend
        self._backend: Backend | None = None
        self._predict_timer: Timer | None = None
        self._outputs: Outputs | None = None
        self._frames: CameraFrames | None = None
        self._configured: list[Callable[[], object]] = []
        self._ready = self.create_guard_condition(self._send_results)
        self._diagnostics = self.create_publisher(
            DiagnosticArray, '/diagnostics', 10, event_callbacks=NO_PUBLISHER_EVENTS
        )
        self.create_timer(
            self.parameters.node.diagnostics_period,
            self._send_diagnostics,
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        self.add_on_set_parameters_callback(self._on_parameters)
        backward = Duration(nanoseconds=-max(round(self.parameters.capture.max_out_of_order * 1e9), 1))
        threshold = JumpThreshold(min_forward=None, min_backward=backward, on_clock_change=False)
        self._jump = self.get_clock().create_jump_callback(threshold, post_callback=self._on_time_jump)
        if self.parameters.node.autostart:
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            self._start_timer = self.create_timer(AUTOSTART_SECONDS, self._autostart, clock=steady)

    @property
    def state(self) -> str:
        """Label of the lifecycle state."""
        return self._state_machine.current_state[1]

    # -- lifecycle ----------------------------------------------------------------------------------------------

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the weights, run once, and offer the topics and services."""
        chosen = self.parameters
        try:
            started = time.monotonic()
            self._backend = self._make_backend(chosen.node)
            self._backend.warm_up(chosen.capture, chosen.node.cameras)
        except Exception as error:  # whatever a file makes a library raise: rclpy would not show it
            self.health_log.fatal = f'cannot be configured: {sentence(error)}'
            self.get_logger().error(self.health_log.fatal)
            self._release()
            return TransitionCallbackReturn.FAILURE
        self.health_log = HealthLog()
        self._outputs = Outputs(self, self._backend.body, chosen.node.world_frame)
        self._connect_tf()
        self._offer_services()
        if not self._backend.trained:
            self.get_logger().warning(UNTRAINED)
        self.get_logger().info(f'configured in {time.monotonic() - started:.1f} s on {self._backend.device}')
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Subscribe and start a session."""
        if self._backend is None or self._outputs is None or self._frames is None:
            return TransitionCallbackReturn.ERROR
        try:
            self.pipeline = Pipeline(self, self._backend, self.parameters, self._outputs, self._frames, self._ready)
        except Exception as error:  # of the middleware, e.g. for an impossible QoS override; rclpy would not show it
            self.health_log.fatal = f'cannot be activated: {error}'
            self.get_logger().error(self.health_log.fatal)
            return TransitionCallbackReturn.FAILURE
        self.health_log.fatal = ''
        if not self._backend.trained:
            self.pipeline.notes = (UNTRAINED,)
        self._schedule_prediction()
        self.get_logger().info(f'active: {len(self.parameters.node.cameras)} cameras')
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop; the weights stay loaded."""
        self._stop_pipeline()
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Free everything that was configured."""
        result = super().on_cleanup(state)
        self._release()
        return result

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """The same from any state."""
        self._stop_pipeline()
        self._release()
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """A transition raised: fall back to unconfigured."""
        why = self.health_log.fatal or 'see the messages before'
        self.get_logger().error(f'a transition failed; back to unconfigured: {why}')
        return self.on_shutdown(state)

    def destroy_node(self) -> None:
        """Stop the worker before the middleware goes away; the process ends, so nobody waits long for its window."""
        self._stop_pipeline(END_SECONDS)
        self._jump.unregister()
        super().destroy_node()

    def _autostart(self) -> None:
        self.destroy_timer(self._start_timer)
        if self.state != 'unconfigured':
            return
        if self.count_clients(f'{self.get_fully_qualified_name()}/change_state'):
            self.get_logger().info('a lifecycle manager is connected: waiting for it')
            return
        success = TransitionCallbackReturn.SUCCESS
        if self.trigger_configure() != success or self.trigger_activate() != success:
            self.exit_code = 1
            self.context.shutdown()

    def _stop_pipeline(self, patience: float = STOP_SECONDS) -> None:
        pipeline, self.pipeline = self.pipeline, None
        if pipeline is None:
            return
        self._end_prediction()
        if not pipeline.stop(patience):
            self.get_logger().error(f'the current window did not finish within {patience:g} s and is abandoned')

    def _release(self) -> None:
        for undo in self._configured:
            undo()
        self._configured.clear()
        if self._outputs is not None:
            self._outputs.destroy()
        self._outputs = self._frames = None
        if self._backend is not None:
            self._backend.release()
        self._backend = None

    # -- connections --------------------------------------------------------------------------------------------

    def _connect_tf(self) -> None:
        buffer = tf2_ros.Buffer(node=self)
        listener = tf2_ros.TransformListener(buffer, self)
        self._broadcaster = tf2_ros.TransformBroadcaster(self)
        chosen = self.parameters.node
        prefix = chosen.camera_frame_prefix.format(node=self.get_fully_qualified_name().strip('/'))
        self._frames = CameraFrames(buffer, chosen.world_frame, prefix)
        self._configured += [listener.unregister, lambda: self.destroy_service(buffer.srv)]
        self._configured.append(lambda: self.destroy_publisher(self._broadcaster.pub_tf))

    def _offer_services(self) -> None:
        for name, (kind, _) in services.SERVICES.items():
            service = self.create_service(kind, f'~/{name}', self._answering(getattr(self, f'_on_{name}')))
            self._configured.append(functools.partial(self.destroy_service, service))

    def _answering(self, callback: Callable[[Pipeline, Any], str]) -> Callable[[Any, Any], Any]:
        """A service that answers ``success`` and ``message``, whatever ``callback`` raises."""

        def answer(request: Any, response: Any) -> Any:
            try:
                if self.pipeline is None:
                    raise RuntimeError(f'the node is {self.state}; activate it first')
                response.message = callback(self.pipeline, request)
                response.success = True
            except Exception as error:
                response.success = False
                response.message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
            return response

        return answer

    # -- sending ------------------------------------------------------------------------------------------------

    def _send_results(self) -> None:
        pipeline, outputs = self.pipeline, self._outputs
        if pipeline is None or outputs is None:
            return
        while pipeline.outbox:
            built = pipeline.outbox.popleft()
            outputs.send(built.messages)
            if built.transforms:
                self._broadcaster.sendTransform(built.transforms)
            self.health_log.note(built)
            for message in built.snapshot.messages:
                self.get_logger().warning(message, throttle_duration_sec=LOG_SECONDS)
        while pipeline.failures:
            self._on_failure(pipeline.failures.popleft())

    def _on_failure(self, error: Exception) -> None:
        self.health_log.last_error = f'a window was lost: {type(error).__name__}: {error}'
        if not gpu_lost(error):
            self.get_logger().error(self.health_log.last_error, throttle_duration_sec=LOG_SECONDS)
            return
        self.health_log.fatal = f'the GPU is lost, the node is deactivated: {error}'
        self.get_logger().fatal(self.health_log.fatal)
        self.trigger_deactivate()

    def _send_diagnostics(self) -> None:
        now = self.get_clock().now().nanoseconds
        name = self.get_fully_qualified_name()
        if self.pipeline is not None:
            self.pipeline.hear_latched_infos()
        publishers = () if self._outputs is None else self._outputs.publishers
        self._qos_mismatches.check(publishers, () if self.pipeline is None else self.pipeline.subscriptions)
        self.health_log.incompatible = self._qos_mismatches.found
        self.health_log.other_publishers = other_publishers(self, publishers)
        self.health_log.offers = offers(self)
        message = diagnostics(now, name, self.state, self._backend, self.pipeline, self.health_log)
        self._diagnostics.publish(message)

    def _schedule_prediction(self) -> None:
        self._end_prediction()
        rate = self.parameters.node.prediction_rate
        if rate > 0:
            self._predict_timer = self.create_timer(1.0 / rate, self._send_prediction)

    def _end_prediction(self) -> None:
        if self._predict_timer is not None:
            self.destroy_timer(self._predict_timer)
            self._predict_timer = None

    def _send_prediction(self) -> None:
        if self.pipeline is None or self._outputs is None or not self._outputs.wanted('humans_predicted'):
            return
        stamp = self.get_clock().now().nanoseconds
        found = self.pipeline.predicted(stamp)
        if found is not None:
            humans, last = found
            message = self._outputs.predicted(humans, last, stamp, self.parameters.node)
            self._outputs.send([('humans_predicted', message)])

    # -- requests -----------------------------------------------------------------------------------------------

    def _on_time_jump(self, jump: TimeJump) -> None:
        if self.pipeline is not None:
            self.get_logger().warning('time went back: a new session begins')
            self.pipeline.time_went_back()

    def _on_parameters(self, changes: list[Parameter]) -> SetParametersResult:
        try:
            chosen = updated(self.parameters, changes, running=self.state != 'unconfigured')
            parameter_checks.check(chosen.node, self.get_namespace())
        except ParameterError as error:
            return SetParametersResult(successful=False, reason=str(error))
        rate_changed = chosen.node.prediction_rate != self.parameters.node.prediction_rate
        self.parameters = chosen
        if self.pipeline is not None:
            self.pipeline.update(chosen)
            if rate_changed:
                self._schedule_prediction()
        return SetParametersResult(successful=True)

    @staticmethod
    def _on_reset_identities(pipeline: Pipeline, request: Any) -> str:
        with pipeline.worker.idle:
            pipeline.capture.reset_identities()
        return 'identities start anew'

    @staticmethod
    def _on_reset_scene(pipeline: Pipeline, request: Any) -> str:
        with pipeline.worker.idle:
            pipeline.capture.reset_scene()
        return 'the scene is empty'

    @staticmethod
    def _on_merge_identities(pipeline: Pipeline, request: MergeIdentities.Request) -> str:
        if not len(request.absorb) or request.keep in request.absorb:
            raise ValueError('absorb must name at least one id, and not the one to keep')
        with pipeline.worker.idle:
            pipeline.capture.merge(int(request.keep), tuple(map(int, request.absorb)))
        return f'{", ".join(map(str, request.absorb))} merged into {request.keep}'

    def _on_set_views(self, pipeline: Pipeline, request: SetViews.Request) -> str:
        views = services.checked_views(request.views, self.parameters.node.cameras)
        pipeline.use_views(views)
        return f'using {", ".join(views)}'

    def _on_save_scene(self, pipeline: Pipeline, request: SaveScene.Request) -> str:
        path = services.checked_path(request.path, self.parameters.node.save_directory)
        with pipeline.worker.idle:
            scene = pipeline.capture.static_scene()
        last = pipeline.last
        if request.include_humans and last is not None and self._backend is not None:
            scene = services.with_people(scene, last.humans, meshes_of(last.humans, self._backend.body))
        write_ply(path, scene)
        return f'{len(scene.points)} points written to {path}'


def main(arguments: list[str] | None = None) -> int:
    """Run the capture node until it is told to stop."""
    return run_node(CaptureNode, arguments, 'capture')


if __name__ == '__main__':
    leave(main())
