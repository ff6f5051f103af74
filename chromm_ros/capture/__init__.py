"""Image sets in, snapshots of the world out, indefinitely.

:class:`~chromm_ros.capture.capture.Capture` is the one pipeline that the node, the offline command, the evaluation
and the tests call. What must live from window to window has exactly one owner here: the images of the window
(``windows``), the frame of the world and its scale (``world``), the static scene (``scene_map``), the people
(``identities``).
"""
