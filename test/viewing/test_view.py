import numpy as np

from chromm_ros.viewing.view import PersonView, Timeline, WorldView

SECOND = 1_000_000_000


def person(identity, x=0.0, state='tracked'):
    joints = np.zeros((55, 3))
    joints[:, 0] = x
    rotations = np.tile(np.eye(3), (55, 1, 1))
    return PersonView(identity, state, 1.0, joints, rotations, np.zeros(10), np.zeros(3), 1.7, ('camera_0',))


def view(seconds, people=()):
    return WorldView(round(seconds * SECOND), 0, 0.1, tuple(people), ())


def test_the_timeline_forgets_what_is_older_than_its_span():
    timeline = Timeline(span=2.0)
    for step in range(100):
        timeline.add(view(0.1 * step))
    assert timeline.views[0].stamp >= 7.9 * SECOND
    assert timeline.views[-1].stamp == round(9.9 * SECOND)


def test_a_jump_back_in_time_starts_anew():
    timeline = Timeline()
    timeline.add(view(100.0))
    timeline.add(view(3.0))
    assert [seen.stamp for seen in timeline.views] == [3 * SECOND]


def test_the_number_of_views_is_bounded_even_when_stamps_stand_still():
    timeline = Timeline(limit=10)
    for _ in range(50):
        timeline.add(view(1.0))
    assert len(timeline.views) == 10


def test_looking_back_finds_the_nearest_view():
    timeline = Timeline()
    for step in range(11):
        timeline.add(view(step))
    assert timeline.at(3.2).stamp == 7 * SECOND
    assert Timeline().at(0.0) is None


def test_a_trail_holds_one_person_and_ends_at_the_view():
    timeline = Timeline()
    for step in range(10):
        timeline.add(view(step, [person(1, x=step), person(2, x=-step)]))
    trail = timeline.trail(1, seconds=3.0, until=6 * SECOND)
    np.testing.assert_array_equal(trail[:, 0], [3, 4, 5, 6])


def test_a_trail_leaves_out_where_a_person_was_only_predicted():
    timeline = Timeline()
    for step, state in enumerate(('tracked', 'predicted', 'predicted', 'tracked')):
        timeline.add(view(step, [person(1, x=step, state=state)]))
    np.testing.assert_array_equal(timeline.trail(1, seconds=9.0, until=3 * SECOND)[:, 0], [0, 3])
