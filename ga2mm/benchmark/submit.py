"""Start a benchmark on several machines by submitit: jobs of Slurm that work in one folder."""

import ast
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLUSTERS = ('slurm', 'local', 'debug')
"""Executors of submitit; ``local`` starts processes on this machine, ``debug`` runs in this process."""


@dataclass(frozen=True)
class Machine:
    """The work of one machine: a command that runs the benchmark. Slurm may requeue it, as it resumes.

    Args:
        command: The words of the command, without the interpreter.
    """

    command: tuple[str, ...]

    def __call__(self) -> int:
        """Run the command, and give its exit status."""
        return subprocess.run([sys.executable, *self.command]).returncode

    def checkpoint(self) -> Any:
        """Ask submitit to submit this again when the time of its job is over."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def submit(cluster: str, machines: int, options: list[str], command: list[str], folder: Path) -> None:
    """Submit a command as jobs, one for each machine, and wait for them. Ctrl-C ends the waiting only.

    Args:
        cluster: One of :data:`CLUSTERS`.
        machines: Number of jobs.
        options: ``KEY=VALUE`` of submitit's ``update_parameters``: ``slurm_partition=gpu``.
        command: The words of the command, without the interpreter.
        folder: Folder of the jobs' logs.

    Raises:
        ValueError: submitit is missing, an option is wrong, or a job has failed.
    """
    try:
        import submitit
    except ImportError:
        raise ValueError(f'--submit {cluster} needs submitit: pip install submitit') from None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
        executor.update_parameters(name='ga2mm', **dict(map(_option, options)))
    except (RuntimeError, NameError, TypeError) as error:
        raise ValueError(f'--submit {cluster} {" ".join(options)}: {error}') from None
    jobs = [executor.submit(Machine(tuple(command))) for _ in range(machines)]
    for job in jobs:
        print(f'job {job.job_id}: {job.paths.stdout}', flush=True)
    failed = [job.job_id for job in jobs if _status(job) != 0]
    if failed:
        raise ValueError(f'{len(failed)} of {machines} jobs failed: {", ".join(failed)} (logs: {folder})')


def _status(job: Any) -> int:
    """Wait for a job and give its exit status; 1 if the job itself failed."""
    import submitit

    try:
        return job.result()
    except KeyboardInterrupt:
        raise ValueError('the jobs go on; start the same command again to see the tables') from None
    except (submitit.core.utils.FailedJobError, submitit.core.utils.UncompletedJobError):
        return 1


def _option(text: str) -> tuple[str, Any]:
    key, sign, value = text.partition('=')
    if not sign or not key:
        raise ValueError(f'--submit-options {text}: write KEY=VALUE')
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value
