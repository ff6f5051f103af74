import numpy as np
from people_windows import changed

from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.people import TrackingSettings
from chromm_ros.people.plausibility import split_implausible

ERRORS = EstimateErrors()


def moved(people, view, steps, detection, metres):
    """The window with some detections displaced along the viewing direction."""
    head = people.head.copy()
    head[view, steps, detection[steps] if np.ndim(detection) else detection, 2] += metres
    return changed(people, head=head)


def rows_of(estimates, view, person):
    """(T,) detection of a person in each image of a view."""
    assert (estimates.person[view] == person).any(-1).all()
    return (estimates.person[view] == person).argmax(-1)


def test_plausible_tracks_stay_as_they_are(clean):
    ids, dropped = split_implausible(clean.people, clean.person, TrackingSettings(), ERRORS)
    np.testing.assert_array_equal(ids, clean.person)
    assert dropped == 0


def test_an_outlier_costs_its_own_frame_only(clean):
    detection = rows_of(clean, 0, 1)
    for step in (0, 3, 5):  # also in the first and in the last frame
        people = moved(clean.people, 0, np.array([step]), detection, 3.0)
        ids, dropped = split_implausible(people, clean.person, TrackingSettings(), ERRORS)
        assert dropped == 1
        changed_ids = np.argwhere(ids != clean.person)
        np.testing.assert_array_equal(changed_ids, [[0, step, detection[step]]])


def test_the_halves_of_a_switch_become_two_tracklets(clean):
    detection = rows_of(clean, 2, 0)
    people = moved(clean.people, 2, np.arange(3, 6), detection, 3.0)
    ids, dropped = split_implausible(people, clean.person, TrackingSettings(min_split=3), ERRORS)
    assert dropped == 0
    track = ids[2, np.arange(6), detection]
    assert (track[:3] == track[0]).all()
    assert (track[3:] == track[3]).all()
    assert track[0] != track[3]
    assert len(np.unique(ids[2])) == len(np.unique(clean.person[2])) + 1


def test_a_long_absence_allows_a_long_way(clean):
    detection = rows_of(clean, 0, 1)
    people = moved(clean.people, 0, np.arange(1, 6), detection, 3.0)
    slow = changed(people, times=10 * people.times)
    ids, _ = split_implausible(slow, clean.person, TrackingSettings(), ERRORS)
    np.testing.assert_array_equal(ids, clean.person)


def test_no_detections_are_no_problem(nobody):
    ids, dropped = split_implausible(nobody, np.full((4, 6, 0), -1), TrackingSettings(), ERRORS)
    assert ids.shape == (4, 6, 0)
    assert dropped == 0
