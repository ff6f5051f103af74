"""Both orders on simulated estimates, and how identities over a window are scored."""

import numpy as np
import pytest

from chromm_ros.body.model import BodyModel
from chromm_ros.estimate_errors import EstimateErrors
from chromm_ros.evaluation.tracking.orders import identity_f1, paper_order, tracker_order
from chromm_ros.people import PeopleSettings
from chromm_ros.synthetic.estimates import Errors, crowd, simulate


@pytest.fixture(scope='module')
def estimates():
    body = BodyModel.load()
    stage = crowd(4, 8, 3, 0, body, interval=0.25, spread=2.0)
    return simulate(stage, Errors(head=0.004, depth=0.03, depth_bias=0.03, betas=0.2, token=0.2), 0, body)


def test_both_orders_find_everybody_on_easy_estimates(estimates):
    people, settings, errors = estimates.people, PeopleSettings(), EstimateErrors()
    for identity in (
        paper_order(people, settings, errors),
        tracker_order(people, estimates.stage.image_size, settings, errors),
    ):
        assert identity.shape == estimates.person.shape
        assert identity_f1(estimates.person, identity) > 0.9


def test_the_score_counts_detections_with_the_best_identity():
    truth = np.array([[[0, 1], [0, 1], [0, 1], [0, -1]]])
    assert identity_f1(truth, truth) == 1
    assert identity_f1(truth, np.where(truth >= 0, 5 + truth, -1)) == 1
    exchanged = np.array([[[0, 1], [0, 1], [1, 0], [0, -1]]])
    assert identity_f1(truth, exchanged) == pytest.approx(2 * 5 / 14)
    assert identity_f1(truth, np.full_like(truth, -1)) == 0
