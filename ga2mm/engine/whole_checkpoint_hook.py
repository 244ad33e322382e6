"""Checkpoint saving that keeps a run resumable if it is killed at any time."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ga2mm.engine.checkpoint_safety import LAST
from ga2mm.registry import HOOKS
from ga2mm.utils import remove_leftovers, write_text


@HOOKS.register_module()
class WholeCheckpointHook(CheckpointHook):
    """MMEngine's CheckpointHook for local files, which keeps a complete checkpoint at all times.

    The hook first writes the new checkpoint, then the file ``last_checkpoint`` atomically, and last removes
    the oldest checkpoint. MMEngine removes first and writes ``last_checkpoint`` in place. When training
    starts, the hook removes the partly written files of killed runs from the run's folder.
    """

    def before_train(self, runner: Runner) -> None:
        """Prepare as MMEngine does, then remove the partly written files of killed runs."""
        super().before_train(runner)
        if self.save_best is not None and len(self.key_indicators) == 1:
            self.best_ckpt_path = self._own(self.best_ckpt_path)
        elif self.save_best is not None:
            self.best_ckpt_path_dict = {
                key: self._own(path) for key, path in self.best_ckpt_path_dict.items()
            }
        if is_main_process():
            for folder in dict.fromkeys((self.out_dir, runner.work_dir)):
                remove_leftovers(folder, rf'.+\.pth|{LAST}')

    def _own(self, path: str | None) -> str | None:
        """Give the path of this best checkpoint in this run's own folder; None if it does not exist there.

        MMEngine removes the file that the resumed checkpoint names when a better one is saved. That path may
        lead to another run, if its folder was copied, or to any other file.
        """
        name = Path(str(path)).name
        own = self.file_backend.join_path(self.out_dir, name)
        return own if name.startswith('best_') and self.file_backend.isfile(own) else None

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict[str, Any]) -> None:
        ids, outdated = self.keep_ckpt_ids if self.max_keep_ckpts > 0 else [], []
        if self.max_keep_ckpts > 0 and (not ids or ids[-1] != step):
            outdated = [ids.popleft()] if len(ids) == self.max_keep_ckpts else []
            ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(ids))
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(
            self.out_dir,
            name,
            self.file_client_args,
            save_optimizer=self.save_optimizer,
            save_param_scheduler=self.save_param_scheduler,
            meta=meta,
            by_epoch=self.by_epoch,
            backend_args=self.backend_args,
            **self.args,
        )
        if not is_main_process():
            return
        write_text(Path(runner.work_dir) / LAST, self.last_ckpt)
        for number in outdated:
            path = self.file_backend.join_path(self.out_dir, self.filename_tmpl.format(number))
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
