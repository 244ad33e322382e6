"""Warnings about unreadable videos."""

from collections import Counter

from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ga2mm.engine.protocol_test_loop import ProtocolTestLoop
from ga2mm.engine.unreadable_test_videos import UnreadableTestVideos, mended_of
from ga2mm.registry import HOOKS
from ga2mm.utils import first_few


@HOOKS.register_module()
class UnreadableVideosHook(Hook):
    """Reports unreadable videos, and counts how often another video replaced one in training.

    Every process logs a warning when it meets an unreadable video for the first time. At the end of training
    one warning for all processes gives the number of unreadable files, the number of replaced clips and the
    first names; a second one is about videos that lost frames. The message hub has the counts
    ``'path: reason' -> times`` of all files under ``unreadable_videos``.

    In validation, and in tests with MMEngine's own loop, the hook counts unreadable videos with
    :class:`UnreadableTestVideos`; :class:`ProtocolTestLoop` does this itself.

    The hook reads the metainfo that the datasets write into their data samples, so it works with any number
    of workers.
    """

    def __init__(self) -> None:
        self._times: Counter[str] = Counter()
        self._replaced_clips = 0
        self._mended: dict[str, str] = {}
        self._of_set: UnreadableTestVideos | None = None

    def before_val_epoch(self, runner: Runner) -> None:
        self._of_set = UnreadableTestVideos('val_dataloader', len(runner.val_dataloader.dataset))

    def after_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        self._of_set.take_in(data_batch)

    def after_val_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        self._of_set.finish(runner.val_evaluator.metrics)

    def before_test_epoch(self, runner: Runner) -> None:
        self._of_set = None
        if not isinstance(runner.test_loop, ProtocolTestLoop):
            self._of_set = UnreadableTestVideos('test_dataloader', len(runner.test_dataloader.dataset))

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None, outputs: list | None = None
    ) -> None:
        if self._of_set is not None:
            self._of_set.take_in(data_batch)

    def after_test_epoch(self, runner: Runner, metrics: dict[str, float] | None = None) -> None:
        if self._of_set is not None:
            self._of_set.finish(runner.test_evaluator.metrics)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        outputs: dict | None = None,
    ) -> None:
        for sample in data_batch['data_samples']:
            self._take_in(runner, sample.get('unreadable', ()))
            self._mended |= mended_of(sample)

    def after_train(self, runner: Runner) -> None:
        times: Counter[str] = Counter()
        replaced_clips, mended = 0, {}
        of_processes = all_gather_object((self._times, self._replaced_clips, self._mended))
        for times_there, replaced_there, mended_there in of_processes:
            times.update(times_there)
            replaced_clips += replaced_there
            mended |= mended_there
        if mended:
            runner.logger.warning(
                f'{len(mended)} training videos are damaged, frames were sampled from their readable part: '
                f'{first_few(sorted(mended.values()), "; ")}'
            )
        if times:
            runner.message_hub.update_info('unreadable_videos', dict(times))
            runner.logger.warning(
                f'{len(times)} training videos cannot be read, others replaced them '
                f'{replaced_clips} times: {first_few(sorted(times), "; ")}'
            )

    def _take_in(self, runner: Runner, unreadable: tuple[str, ...]) -> None:
        self._replaced_clips += bool(unreadable)
        for video in unreadable:
            if video not in self._times:
                # MMEngine drops a repeated warning, and compares texts before arguments are inserted.
                runner.logger.warning(f'a training video cannot be read, skipping {video}')
            self._times[video] += 1
