import torch
from torch import nn

from chromm_ros.training.ema import WeightAverage


def test_it_approaches_weights_that_stand_still() -> None:
    module = nn.Linear(2, 2)
    average = WeightAverage(module, decay=0.9)
    with torch.no_grad():
        module.weight.fill_(3.0)
    for _ in range(100):
        average.update(module)
    torch.testing.assert_close(average.state['weight'], torch.full((2, 2), 3.0), atol=1e-3, rtol=0)


def test_the_first_weights_are_forgotten_at_once() -> None:
    module = nn.Linear(1, 1)
    average = WeightAverage(module, decay=0.999)
    with torch.no_grad():
        module.weight.fill_(100.0)
    average.update(module)
    assert average.state['weight'].item() > 80


def test_statistics_are_averaged_and_counters_copied() -> None:
    module = nn.BatchNorm1d(2)
    average = WeightAverage(module)
    module(torch.randn(8, 2) + 5)
    average.update(module)
    assert average.state['num_batches_tracked'] == 1
    assert (average.state['running_mean'] > 0).all()


def test_the_module_is_left_alone() -> None:
    module = nn.Linear(2, 2)
    before = module.weight.detach().clone()
    average = WeightAverage(module)
    average.state['weight'].zero_()
    assert torch.equal(module.weight, before)
