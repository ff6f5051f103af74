import json
from dataclasses import replace

import numpy as np
import pytest

from chromm_ros.skeleton import HEAD
from chromm_ros.viewing.age import Sample
from chromm_ros.viewing.overlay import Situation, as_json, images_of, state_of
from chromm_ros.viewing.projection import project
from chromm_ros.viewing.thumbnails import thumbnail
from chromm_ros.viewing.view import Awaited, CameraView, Notice, PersonView, WorldView

INTRINSICS = np.array([[100.0, 0, 80], [0, 100.0, 60], [0, 0, 1]])
LOOKS_ALONG_Y = np.array([[1.0, 0, 0, 0], [0, 0, 1, -3.0], [0, -1, 0, 1.0], [0, 0, 0, 1]])


def person(identity=1, **changes):
    joints = np.zeros((55, 3))
    joints[:, 2] = np.linspace(0, 1.7, 55)
    joints[HEAD] = 0.0, 0.0, 1.6
    joints[1, 0], joints[2, 0] = -0.1, 0.1
    rotations = np.tile(np.eye(3), (55, 1, 1))
    made = PersonView(identity, 'tracked', 0.9, joints, rotations, np.zeros(10), np.zeros(3), 1.7, ('left',))
    return replace(made, **changes)


def camera(**changes):
    jpeg = thumbnail(np.zeros((12, 16, 3), np.uint8), 16)
    made = CameraView('left', 'ok', LOOKS_ALONG_Y, 1.0, jpeg, 10.0, size=(160, 120), intrinsics=INTRINSICS)
    return replace(made, **changes)


def state(people=(), cameras=(), situation=None, **more):
    view = WorldView(10**9, 4, 0.25, tuple(people), tuple(cameras), {'encode': 0.1})
    return state_of(view, cameras, situation or Situation(), {}, **more)


def test_a_head_is_marked_where_the_camera_sees_it():
    mark = state([person(heads={'left': (80.0, 42.0)})], [camera()])['cameras'][0]['marks'][0]
    x, y = mark['joints'][HEAD]
    assert (x, y) == (500, round(1000 * (60 - 100 * 0.6 / 3) / 120))
    assert mark['head'] == [500, 350]


@pytest.mark.parametrize('changes', [{'intrinsics': None}, {'world_from_camera': None}])
def test_without_a_calibration_only_what_was_detected_is_marked(changes):
    mark = state([person(heads={'left': (80.0, 42.0)})], [camera(**changes)])['cameras'][0]['marks'][0]
    assert mark['joints'] is None
    assert mark['head'] == [500, 350]


def test_whoever_is_behind_a_camera_is_not_in_its_picture():
    behind = person()
    behind.joints[:, 1] -= 10.0
    assert state([behind], [camera()])['cameras'][0]['marks'][0]['joints'] is None
    assert np.isnan(project(behind.joints, INTRINSICS, LOOKS_ALONG_Y)).all()


def test_a_person_looks_away_from_the_camera_to_the_north():
    assert state([person()])['people'][0]['heading'] == pytest.approx(np.pi / 2, abs=0.01)


def test_nothing_at_all_is_said_in_words():
    waiting = Situation(
        notice=Notice('warn', 'no window yet'), awaited=(Awaited('people', '/x/humans', 'no', False),)
    )
    said = state_of(None, (), waiting, {})
    assert said['notice']['text'] == 'no window yet'
    assert said['awaited'] == [['people', '/x/humans', 'no', False]]
    assert (said['people'], said['window']) == ([], None)


def test_silence_is_a_gap_of_the_plots():
    history = state(samples=[Sample(1.0, 0.2, 3.0), Sample(9.0, None, 0.0)], now=10.0)['history']
    assert history == [[-9.0, 200, 3.0], [-1.0, None, 0.0]]


def test_what_is_sent_is_json_that_no_page_mistakes_for_its_own():
    text = as_json({'name': '</script><script>'})
    assert '<' not in text
    assert json.loads(text) == {'name': '</script><script>'}
    sent = state([person(), person(2, state='predicted')], [camera()])
    assert json.loads(as_json(sent)) == json.loads(json.dumps(sent))


def test_images_are_sent_as_they_are():
    assert images_of([camera(), camera(name='right', jpeg=None)])['left'].startswith('data:image/jpeg;base64,/9j/')
    assert list(images_of([camera(name='right', jpeg=None)])) == []
