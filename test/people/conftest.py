import numpy as np
import pytest
from people_windows import changed

from chromm_ros.body.model import BodyModel
from chromm_ros.synthetic.estimates import Errors, crowd, simulate

NOISY = Errors(head=0.004, pelvis=0.008, depth=0.04, rotation=0.05, pose=0.05, betas=0.2, token=0.3, dropout=0.1)


@pytest.fixture(scope='session')
def body():
    return BodyModel.load()


@pytest.fixture(scope='session')
def clean(body):
    """Perfect estimates of three people in four views over six steps."""
    return simulate(crowd(4, 6, 3, seed=1, body=body), Errors(), seed=1, body=body)


@pytest.fixture(scope='session')
def noisy(body):
    """The same people with noise in everything and missing detections."""
    return simulate(crowd(4, 6, 3, seed=1, body=body), NOISY, seed=1, body=body)


@pytest.fixture(scope='session')
def nobody(clean):
    """A window in which nobody is detected (M = 0)."""
    return changed(clean.people, **clean.people.take(np.s_[:, :, :0]).detections())
