from chromm_ros.capture.notices import Notices


def test_everything_is_told_once_and_counted_for_ever():
    notices = Notices()
    notices.leave_out('bad image')
    notices.leave_out('overtaken', 0)
    notices.say('Something happened.')
    notices.say(None)
    assert notices.tell() == ({'bad image': 1}, ('Something happened.',))
    assert notices.tell() == ({}, ())
    notices.leave_out_all({'bad image': 2, 'duplicate': 1})
    assert notices.tell() == ({'bad image': 2, 'duplicate': 1}, ())
    assert notices.dropped == {'bad image': 3, 'duplicate': 1}
