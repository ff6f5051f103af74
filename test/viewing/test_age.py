import pytest

from chromm_ros.viewing.age import GONE, LATE, RATE_SPAN, UNKNOWN, Arrivals


def arrivals(*times):
    made = Arrivals()
    for time in times:
        made.add(time, 0.1)
    return made


def test_before_anything_came_nothing_is_late():
    nothing = Arrivals()
    assert nothing.silence(100.0) is None
    assert not nothing.late(100.0)
    assert nothing.rate(100.0) == 0.0


@pytest.mark.parametrize('interval', [0.1, 0.5, 2.0])
def test_silence_is_noticed_after_twice_the_usual_interval(interval):
    came = arrivals(*(interval * step for step in range(30)))
    last = 29 * interval
    usual = max(interval, 0.25)
    assert came.usual() == pytest.approx(usual)
    assert not came.late(last + 0.99 * LATE * usual)
    assert came.late(last + 1.01 * LATE * usual)


def test_one_long_pause_does_not_make_pauses_usual():
    came = arrivals(*(0.3 * step for step in range(20)), 60.0, 60.3, 60.6, 60.9)
    assert came.usual() == pytest.approx(0.3)


def test_the_first_windows_are_waited_for_longer():
    assert arrivals(5.0).usual() == UNKNOWN


def test_people_fade_and_are_gone_in_the_end():
    came = arrivals(0.0, 0.5, 1.0)
    fresh = [came.freshness(1.0 + silence) for silence in (0.0, 1.0, 4.0, 8.0, 1.0 + GONE)]
    assert fresh == sorted(fresh, reverse=True)
    assert (fresh[0], fresh[1], fresh[-1]) == (1.0, 1.0, 0.0)
    came.add(30.0, 0.1)
    assert came.freshness(30.1) == 1.0


def test_bursts_make_no_spikes_in_the_rate():
    bursts = [step // 4 * 2.0 + 0.01 * (step % 4) for step in range(40)]
    for now in (12.0, 13.0, 15.5, 17.9):
        assert 1.5 <= arrivals(*(time for time in bursts if time <= now)).rate(now) <= 2.5


def test_the_rate_falls_to_nothing_in_silence():
    came = arrivals(*(0.5 * step for step in range(40)))
    assert came.rate(19.5 + 0.5 * RATE_SPAN) < 1.3
    assert came.rate(19.6 + RATE_SPAN) == 0.0


def test_the_plots_run_on_in_silence_and_forget_what_is_old():
    came = arrivals(0.0, 1.0)
    for second in range(2, 90):
        came.note_silence(float(second))
    assert came.samples[-1].delay is None
    assert came.samples[0].time >= 29.0
