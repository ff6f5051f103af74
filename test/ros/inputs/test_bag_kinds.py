"""Bags as other people record them: clocks, worlds, transports, ends, encodings, and what is said about each."""

from dataclasses import replace

import pytest
from recordings import PERIOD, START, cameras, compressed, image, stamped, transform, write_bag

from chromm_ros.intake.settings import IntakeSettings
from chromm_ros.ros.inputs.bag_source import BagSource

COUNT = 20


def read(tmp_path, events, **options):
    source = BagSource(write_bag(tmp_path / 'bag', events), **options)
    return source, list(source)


def used(sets):
    return {name: sum(name in one.views for one in sets) for name in ('front', 'left')}


def restamped(events, change):
    """The images and infos with other stamps; ``change`` takes topic and stamp [ns]."""
    made = []
    for topic, at, message in events:
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        made.append((topic, at, stamped(message, change(topic, stamp), message.header.frame_id)))
    return made


@pytest.mark.parametrize('make', [image, compressed])
def test_raw_and_compressed_cameras_are_decoded_each_in_its_way(tmp_path, make):
    other = compressed if make is image else image
    suffix = {image: '', compressed: '/compressed'}
    events = cameras('/{}/image' + suffix[make], ('front',), make=make)
    events += cameras('/{}/image' + suffix[other], ('left',), make=other)
    _, sets = read(tmp_path, events)
    assert used(sets) == {'front': COUNT, 'left': COUNT}
    assert sets[7].views['front'].pixels.mean() == pytest.approx(7, abs=2)
    assert sets[7].views['left'].pixels.mean() == pytest.approx(7, abs=2)


def test_depth_that_looks_like_a_camera_is_left_out(tmp_path):
    depth = cameras('/{}/image', ('range',), make=lambda s, f, k: image(s, f, k, '16UC1', 2))
    source, sets = read(tmp_path, cameras('/{}/image') + depth)
    assert source.views == ('front', 'left')
    assert used(sets) == {'front': COUNT, 'left': COUNT}


@pytest.mark.parametrize('camera', ['front', 'left', ''])
def test_undated_images_are_matched_by_their_recording_and_this_is_said(tmp_path, camera):
    events = restamped(cameras('/{}/image'), lambda topic, stamp: 0 if camera in topic else stamp)
    source, sets = read(tmp_path, events)
    assert used(sets) == {'front': COUNT, 'left': COUNT}
    assert any('does not date its images' in note for note in source.notes)


@pytest.mark.parametrize('hours', [-5, 3, 100_000])
def test_a_camera_of_another_clock_is_named_and_its_arrival_can_be_taken(tmp_path, hours):
    def change(topic, stamp):
        return max(stamp + hours * 3600 * 10**9, 10**9 + stamp - START) if '/left/' in topic else stamp

    events = restamped(cameras('/{}/image'), change)
    source, _ = read(tmp_path, events)
    assert any(note.startswith('left: stamps are of another clock') for note in source.notes)
    _, sets = read(tmp_path, events, settings=replace(IntakeSettings(), stamps='arrival'))
    assert used(sets) == {'front': COUNT, 'left': COUNT}


def test_stamps_that_stand_still_are_named(tmp_path):
    events = restamped(cameras('/{}/image'), lambda topic, stamp: START if '/left/' in topic else stamp)
    source, _ = read(tmp_path, events)
    assert any(note.startswith('left: stamps stand still') for note in source.notes)
    assert source.dropped['duplicate'] >= COUNT - 2


def test_a_whole_bag_in_simulated_time_is_nothing_to_talk_about(tmp_path):
    events = restamped(cameras('/{}/image'), lambda topic, stamp: stamp - START + 50 * 10**9)
    source, sets = read(tmp_path, events)
    assert used(sets) == {'front': COUNT, 'left': COUNT}
    assert not source.notes


@pytest.mark.parametrize('back', [10, 3600])
def test_a_clock_that_was_set_back_costs_two_images_and_is_said(tmp_path, back):
    first = cameras('/{}/image')
    second = restamped(cameras('/{}/image'), lambda topic, stamp: stamp - back * 10**9)
    later = [(topic, at + COUNT * PERIOD, message) for topic, at, message in second]
    source, sets = read(tmp_path, first + later)
    assert len(sets) >= 2 * COUNT - 2
    assert any('stamps went back' in note for note in source.notes)
    assert source.dropped['late'] >= 2


@pytest.mark.parametrize('missing', [4, 9, 18])
def test_the_end_of_a_bag_is_kept_when_one_camera_stops_first(tmp_path, missing):
    events = cameras('/{}/image', ('front',)) + cameras('/{}/image', ('left',), count=COUNT - missing)
    source, sets = read(tmp_path, events)
    assert used(sets) == {'front': COUNT, 'left': COUNT - missing}
    assert not source.dropped


def test_a_camera_that_starts_later_joins(tmp_path):
    late = [event for event in cameras('/{}/image', ('left',), count=60) if event[1] > START + 40 * PERIOD]
    source, sets = read(tmp_path, cameras('/{}/image', ('front',), count=60) + late)
    assert used(sets)['front'] == 60
    assert used(sets)['left'] >= 18
    assert any(note.startswith('left: has images from 2.7 s') for note in source.notes)


@pytest.mark.parametrize('apart', [25, 33])
def test_free_running_cameras_say_the_slop_that_would_do(tmp_path, apart):
    events = restamped(cameras('/{}/image'), lambda topic, stamp: stamp + apart * 10**6 * ('/left/' in topic))
    source, sets = read(tmp_path, events)
    assert not sets
    (note,) = (note for note in source.notes if 'run free' in note)
    enough = float(note.partition('sync_slop: ')[2].partition(',')[0])
    _, sets = read(tmp_path, events, settings=replace(IntakeSettings(), sync_slop=enough))
    assert used(sets) == {'front': COUNT, 'left': COUNT}


@pytest.mark.parametrize('frame', ['{}_optical', '/{}_optical'])
@pytest.mark.parametrize('world', ['map', 'odom', 'world'])
@pytest.mark.parametrize('space', ['', '/robot1'])
def test_cameras_are_placed_whatever_the_world_and_the_namespace_are_called(tmp_path, frame, world, space):
    events = cameras(f'{space}/{{}}/image', frame=frame)
    events.append((f'{space}/tf_static', START, transform(START, world, 'front_optical')))
    source, sets = read(tmp_path, events)
    assert all(one.views['front'].world_from_camera[0, 3] == 1.0 for one in sets)
    assert any(world in note for note in source.notes) == (world != 'map')


def test_a_world_that_was_asked_for_is_not_replaced(tmp_path):
    events = [*cameras('/{}/image'), ('/tf_static', START, transform(START, 'odom', 'front_optical'))]
    source, sets = read(tmp_path, events, given={'world_frame'})
    assert all(one.views['front'].world_from_camera is None for one in sets)
    assert any('its roots are odom' in note for note in source.notes)


@pytest.mark.parametrize('prefix', ['chromm/', 'robot1/chromm/'])
def test_what_an_earlier_capture_estimated_is_no_knowledge(tmp_path, prefix):
    frame = f'{prefix}front_optical_frame'
    events = cameras('/{}/image', ('front',), frame=frame)
    events.append(('/tf', START, transform(START, 'map', frame)))
    _, sets = read(tmp_path, events)
    assert all(one.views['front'].world_from_camera is None for one in sets)


@pytest.mark.parametrize(('encoding', 'reason'), [('rgb9', 'unknown_encoding'), ('32FC1', 'depth_image')])
def test_an_encoding_that_costs_every_image_is_said(tmp_path, encoding, reason):
    events = cameras('/{}/image', ('front',))
    events += cameras('/{}/image', ('left',), make=lambda s, f, k: image(s, f, k, encoding))
    source, sets = read(tmp_path, events, given={'cameras'}, settings=IntakeSettings(cameras=('front', 'left')))
    assert used(sets) == {'front': COUNT, 'left': 0}
    assert source.dropped[reason] == COUNT
    assert any(note.startswith('left: ') and encoding in note for note in source.notes)


def test_an_offset_moves_the_stamps_of_a_camera(tmp_path):
    events = restamped(cameras('/{}/image'), lambda topic, stamp: stamp - 7 * 10**9 * ('/left/' in topic))
    _, sets = read(tmp_path, events, offsets={'left': 7.0})
    assert used(sets) == {'front': COUNT, 'left': COUNT}


def test_a_camera_that_was_never_recorded_is_said(tmp_path):
    events = cameras('/{}/image', ('front',)) + cameras('/{}/image', ('left',), count=1)
    source, sets = read(tmp_path, events)
    assert used(sets) == {'front': COUNT, 'left': 1}
    assert any('left' in note for note in source.notes)
