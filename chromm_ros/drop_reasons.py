"""Why images and image sets are left out, for the notes of offline runs and docs/troubleshooting.md."""

from __future__ import annotations

DROP_REASONS = {
    'late': ('an image came after its time had been handed out', 'nothing, unless it grows: delays between cameras'),
    'duplicate': ('the stamp of the image was there already', 'mend header.stamp in the driver, or stamps: arrival'),
    'future': (
        'the stamp is ahead of the clock of the node',
        'synchronise the clocks; under simulated time use_sim_time, and `ros2 bag play --clock 200` or `chromm '
        'replay`, whose clock steps 10 ms',
    ),
    'unmatched': (
        'no images of the other cameras within sync_slop; of a faster camera only the nearest images are used',
        'nothing for a faster camera; else raise sync_slop or synchronise the cameras',
    ),
    'overflow': ('more images waited than fit', 'see which camera is behind: the others wait for it'),
    'too_few_views': ('fewer cameras than min_views', 'lower min_views, or see the tasks of the cameras'),
    'time_jump': ('images that waited when the clock was set back', 'nothing'),
    'excluded': ('the camera was left out by set_views', 'nothing'),
    'malformed': ('the bytes are no image message', 'look at the publisher of the topic'),
    'unknown_encoding': ('the encoding of the image is not known', 'have the driver send rgb8, bgr8 or mono8'),
    'depth_image': ('the topic carries depth, not colour', 'point image_topic to the colour stream'),
    'zero_size': ('an image without pixels', 'look at the driver'),
    'wrong_step': ('rows are shorter than the image is wide', 'look at the driver'),
    'truncated': ('the image ends before its last pixel', 'look at the driver, or at the disk that was full'),
    'undecodable': ('the picture is damaged, or in a format that OpenCV does not read', 'look at the driver'),
    'damaged_frame': ('a frame of a video could not be decoded', 'copy the video again'),
    'hidden_file': ('a file whose name begins with a dot, which other computers leave beside pictures', 'nothing'),
    'doubled_file': ('a picture that is there in another format, too', 'nothing'),
    'thinned': ('left out on demand (--rate)', 'nothing'),
    'superseded_sets': (
        'a newer image set came while a window was computed (queue_policy: latest)',
        'nothing, or lower the rate or window_size',
    ),
    'repeated image': ('an image with the stamp of the one before', 'mend header.stamp in the driver'),
    'bad image': ('an image too small to show anything', 'look at the driver'),
    'no pose': ('extrinsics: tf, and TF does not know the camera', 'publish its transform, or extrinsics: auto'),
    'empty set': ('no image of the set could be used', 'see the other reasons'),
    'late set': ('a set that is older than the one before', 'nothing'),
    'repeated set': ('a set with the stamp of the one before', 'nothing'),
    'overtaken': ('a set that left the window before it was decoded', 'raise max_gap, or lower window_stride'),
}
"""Why images and sets are left out: what it means, what to change. Keys as in ``~/status`` and ``summary.json``."""
