"""Damaged videos in a test set."""

from mmengine.logging import MMLogger

from ga2mm.engine.unreadable_test_videos import UnreadableTestVideos


def test_a_test_set_names_the_videos_that_lost_frames(tmp_path):
    MMLogger.get_instance('lost frames', log_file=str(tmp_path / 'log'))
    of_set = UnreadableTestVideos('test_dataloader.base', 3)
    of_set.take_in(dict(data_samples=[dict(mended=('a: damaged',)), dict(mended=())]))
    of_set.take_in(dict(data_samples=[dict(mended=('a: damaged',))]))
    assert of_set.finish([]) == 0
    assert 'test_dataloader.base: 1 of 3 videos are damaged' in (tmp_path / 'log').read_text()
