import json
import re
from dataclasses import replace

import numpy as np
import pytest
from page_views import person, view

from chromm_ros.flow import Cloud
from chromm_ros.viewing.exported import as_html
from chromm_ros.viewing.thumbnails import thumbnail

SCENE = Cloud(np.zeros((10, 3), np.float32), np.zeros((10, 3), np.uint8), np.ones(10, np.float32))


def frames_of(html):
    found = re.search(r'window\.__CHROMM_RECORDING__ = (\{.*?\});</script>', html)
    return json.loads(found.group(1))


def test_a_minute_becomes_one_page_that_needs_no_server():
    told = []
    views = [view(0.05 * step, person(1, x=step)) for step in range(20)]
    html, count = as_html(views, SCENE, {'extrinsics': 'auto'}, rate=10.0, progress=told.append)
    recorded = frames_of(html)
    assert count == len(recorded['frames']) == 10
    assert [frame['time'] for frame in recorded['frames']] == pytest.approx([0.1 * step for step in range(10)])
    assert recorded['about']['extrinsics'] == 'auto'
    assert '1970' not in recorded['title']  # these stamps are of no calendar
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert not re.findall(r'(?:src|href)="https?://', html)


def test_people_are_drawn_where_the_image_beside_them_has_them():
    views = []
    for step in range(8):
        moment = view(0.1 * step, person(1, x=step))
        jpeg = thumbnail(np.full((12, 16, 3), 20 * step, np.uint8), 16)
        views.append(replace(moment, cameras=(replace(moment.cameras[0], jpeg=jpeg, size=(16, 12)),)))
    recorded = frames_of(as_html(views, None, {})[0])
    numbers = [frame['images']['left'] for frame in recorded['frames']]
    assert numbers == [0, 0, 0, 1, 1, 1, 2, 2]
    assert ['cameras' in frame['state'] for frame in recorded['frames']] == [
        *(True, False, False, True, False, False, True, False)  # as the images
    ]


def test_nothing_to_save_is_said():
    with pytest.raises(ValueError, match='no window came'):
        as_html([], None, {})
