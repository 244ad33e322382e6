"""Random numbers that depend only on the seed and the epoch."""

from mmengine.hooks import Hook
from mmengine.runner import Runner, set_random_seed

from ga2mm.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seeds every epoch, so that a resumed run draws the same random numbers as an uninterrupted one.

    The hook seeds the main process, which draws dropout. Design choice: MMEngine does not save the state of
    the random number generators. In persistent worker processes the random numbers of augmentation start from
    the beginning when a run is resumed.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Set the seed from the run's seed and the epoch number."""
        set_random_seed((runner.seed + 1_000_003 * runner.epoch) % 2**32)
