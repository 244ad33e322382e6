"""Random numbers that depend on seed and epoch alone."""

from mmengine.hooks import Hook
from mmengine.runner import Runner, set_random_seed

from ga2mm.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds every epoch anew, so that a resumed run draws what an uninterrupted one would have drawn.

    It covers the main process, where dropout is drawn. Design choice: MMEngine saves no state of the random
    number generators. Augmentation in persistent worker processes starts anew when a run is resumed.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed with the run's seed and the number of the epoch."""
        set_random_seed((runner.seed + 1_000_003 * runner.epoch) % 2**32)
