"""Measure time and memory of training and prediction, against towers without shortcuts.

The plain towers are built from OpenCLIP's own modules and do what the codes released with CoOp, MaPLe and
ViFi-CLIP do: texts of 77 tokens, all tokens in all layers, class features computed again for each batch.
Each measurement runs in a process of its own, so it has its own peak memory.

    python tools/analysis/benchmark_speed.py configs/baselines/ucf101_deep_prompts.py --random --frames 8
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ga2mm.utils import one_line_errors, process_context, write_text

TOWERS = ('plain', 'ours')
COLUMNS = ('classes', 'frames', 'towers', 'job', 'seconds', 'ratio', 'CPU seconds', 'MiB', 'ratio', 'TFLOP/s')


@dataclass(frozen=True)
class Measurement:
    """What to measure.

    Attributes:
        towers: ``'ours'`` or ``'plain'``.
        job: ``'training'`` for a forward and backward pass, ``'first clip'`` for a prediction without cached
            class features, ``'next clip'`` for one after it.
        classes, clips, anchors, frames: Their numbers.
        repeats: Number of timed runs after the first; the fastest counts.
        device: The device.
        random: Whether CLIP has random weights, which cost the same time.
    """

    towers: str
    job: str
    classes: int
    clips: int
    anchors: int
    frames: int
    repeats: int
    device: str
    random: bool


def build_model(config: str, task: Measurement) -> Any:
    """Build the untrained recognizer of a config, with our towers or with plain ones."""
    from mmengine.registry import init_default_scope

    from ga2mm.apis import read_config
    from ga2mm.models.clip.plain_towers import PlainCLIP  # noqa: F401
    from ga2mm.registry import MODELS

    init_default_scope('ga2mm')
    cfg = read_config(config)
    if task.towers == 'plain':
        cfg.model.backbone.type = 'PlainCLIP'
    if task.random:
        cfg.model.backbone.weights = 'random'
    if not task.anchors:
        cfg.model.anchors = None
    cfg.model.cls_head.class_names = [f'action number {number}' for number in range(task.classes)]
    model = MODELS.build(cfg.model).to(task.device)
    if model.cls_head.coupling is not None:
        model.cls_head.coupling.missing_file = None  # a hard prompt of zeros costs the same time
    return model


def measure(config: str, task: Measurement) -> dict[str, float]:
    """Measure one task; give seconds, CPU seconds, peak memory in MiB, and tera operations a second."""
    import torch
    from mmaction.structures import ActionDataSample

    model = build_model(config, task)
    on_gpu = task.device.startswith('cuda')
    size = model.backbone.image_size
    training = task.job == 'training'
    clips = task.clips + task.anchors if training else 1
    inputs = torch.randn(clips, 1, 3, task.frames, *size, device=task.device)
    samples = [ActionDataSample().set_gt_labels(index % task.classes) for index in range(clips)]
    for sample in samples[task.clips :]:
        sample.set_field(True, 'is_anchor')
    before = _peak_memory(on_gpu)

    def run() -> None:
        if training:
            model.parse_losses(model.loss(inputs, samples))[0].backward()
            model.zero_grad()
            return
        if task.job == 'first clip' or task.towers == 'plain':
            model.cls_head.text_encoder.cache.clear()
        with torch.no_grad():
            model.predict(inputs, samples)

    model.train(training)
    times, operations = [], _count_operations(run)
    for _ in range(task.repeats):
        if on_gpu:
            torch.cuda.synchronize()
        start, cpu = time.perf_counter(), time.process_time()
        run()
        if on_gpu:
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start, time.process_time() - cpu))
    seconds = min(wall for wall, _ in times)
    return {
        'seconds': seconds,
        'cpu_seconds': min(cpu for _, cpu in times),
        'mebibytes': _peak_memory(on_gpu) - (0 if on_gpu else before),
        'teraflops': operations / seconds / 1e12,
    }


def _count_operations(run: Callable[[], None]) -> int:
    """Run once, and count the floating-point operations of matrix products, convolutions and attention."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils.flop_counter import flop_registry

    class Counter(TorchDispatchMode):
        total = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # noqa: ANN001, ANN204
            result = func(*args, **(kwargs or {}))
            count = flop_registry.get(func._overloadpacket)
            if count is not None:
                self.total += count(*args, **(kwargs or {}), out_val=result)
            return result

    with Counter() as counter:
        run()
    return counter.total


def matmul_rate(device: str) -> float:
    """Measure the rate of a large float32 matrix product in tera operations a second."""
    import torch

    size = 8192 if device.startswith('cuda') else 2048
    one, other = torch.randn(2, size, size, device=device)
    best = float('inf')
    for _ in range(5):
        start = time.perf_counter()
        float((one @ other)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best / 1e12


def _peak_memory(on_gpu: bool) -> float:
    """Give the peak memory of this process in MiB."""
    if on_gpu:
        import torch

        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('config', help='config of a model')
    parser.add_argument('--classes', type=int, nargs='+', default=[51, 400], metavar='N')
    parser.add_argument('--frames', type=int, nargs='+', default=[8], metavar='T')
    parser.add_argument('--clips', type=int, default=2, help='labelled clips of a training step (default: 2)')
    parser.add_argument('--anchors', type=int, default=1, help='anchor clips of a training step (default: 1)')
    parser.add_argument('--repeats', type=int, default=2, help='timed runs of each measurement (default: 2)')
    parser.add_argument('--jobs', nargs='+', default=['training', 'first clip', 'next clip'], metavar='JOB')
    parser.add_argument('--random', action='store_true', help='random weights, which cost the same time')
    parser.add_argument('--device', default='cpu', help='cpu or cuda (default: cpu)')
    parser.add_argument('--out', type=Path, help='JSON file of the results')
    args = parser.parse_args()
    for name in ('classes', 'frames', 'clips', 'repeats'):
        value = getattr(args, name)
        if min(value if isinstance(value, list) else [value]) < 1:
            parser.error(f'--{name} must be 1 or more')
    unknown = set(args.jobs) - {'training', 'first clip', 'next clip'}
    if unknown:
        parser.error(f'--jobs {sorted(unknown)[0]!r}: use training, first clip or next clip')
    return args


def main() -> None:
    """Measure, print a Markdown table and write the results."""
    args = parse_args()
    context = process_context(on_gpu=args.device.startswith('cuda'), preload='ga2mm.models')
    rows, results = [], []
    with context.Pool(1, maxtasksperchild=1) as pool:
        rate = pool.apply(matmul_rate, (args.device,))
        for classes in args.classes:
            for frames in args.frames:
                for job in args.jobs:
                    plain = None
                    for towers in TOWERS:
                        task = Measurement(
                            towers,
                            job,
                            classes,
                            args.clips,
                            args.anchors,
                            frames,
                            args.repeats,
                            args.device,
                            args.random,
                        )
                        figures = pool.apply(measure, (args.config, task))
                        plain = plain or figures
                        results.append({**asdict(task), **figures})
                        rows.append(_row(task, figures, plain, rate))
                        print(f'{towers}, {job}: {figures["seconds"]:.2f} s', flush=True)
    print(f'\n{args.config} on {args.device}, matrix product {rate:.2f} TFLOP/s\n')
    print(f'| {" | ".join(COLUMNS)} |')
    print('| --- ' * len(COLUMNS) + '|')
    print('\n'.join(rows))
    if args.out is not None:
        content = dict(config=args.config, device=args.device, matmul_teraflops=rate, results=results)
        write_text(args.out, json.dumps(content, indent=2) + '\n')


def _row(task: Measurement, figures: dict[str, float], plain: dict[str, float], rate: float) -> str:
    cells = [
        str(task.classes),
        str(task.frames),
        task.towers,
        task.job,
        f'{figures["seconds"]:.2f}',
        f'{plain["seconds"] / figures["seconds"]:.2f}',
        f'{figures["cpu_seconds"]:.2f}',
        f'{figures["mebibytes"]:.0f}',
        f'{figures["mebibytes"] / max(plain["mebibytes"], 1):.2f}',
        f'{figures["teraflops"]:.2f} ({100 * figures["teraflops"] / rate:.0f} %)',
    ]
    return f'| {" | ".join(cells)} |'


if __name__ == '__main__':
    with one_line_errors():
        main()
