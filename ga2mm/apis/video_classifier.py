"""The inferencer: classify files, folders, frames and streams in a few lines."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmengine.infer import BaseInferencer
from tqdm import tqdm

from ga2mm.apis.inference import calibrate_threshold, load
from ga2mm.apis.prediction import Prediction, predict_items, rank
from ga2mm.apis.prediction_files import write_csv, write_json
from ga2mm.apis.prediction_pipeline import PredictionPipeline
from ga2mm.apis.time_line import TimeLine
from ga2mm.apis.video_inputs import Frames, list_inputs
from ga2mm.apis.windows import check_window, cut_windows, windows_of_file, windows_of_stream
from ga2mm.datasets.frames_in_order import FileInOrder, Stream, is_stream
from ga2mm.datasets.label_map import class_names_of
from ga2mm.datasets.video_file import UnreadableVideoError

THREADS = min(8, os.cpu_count() or 1)
"""Number of videos that are decoded at the same time."""


class VideoClassifier(BaseInferencer):
    """Classifier of videos with any class names.

    >>> classifier = ga2mm.VideoClassifier('my_model.ga2')
    >>> classifier(['clip.mp4', 'folder'], batch_size=8)['predictions'][0]['label']
    >>> classifier.time_line('film.mp4', window=4, stride=1).segments

    Args:
        model: A model file (``.ga2``, or ``hf-hub:ORG/REPO``), a config or its file.
        checkpoint: The checkpoint of the config's training; None for a model file and for a model without
            learnable parameters.
        classes: Any class names, or a label map's file; None for those of the model.
        device: The device; None for a GPU if there is one.
        clip: Place of the CLIP's weights, if it is not that of the model file: see
            :func:`~ga2mm.apis.model_file.load_model_file`.
        show_progress: Whether to show a progress bar.

    Attributes:
        none_below: Threshold below which a video is of none of the classes; None to reject no video. It comes
            from the model file if its classes are used, or from :meth:`calibrate`.

    Raises:
        OSError: A file does not exist.
        ValueError: The model, the checkpoint or a class name is wrong, or there are no classes.
    """

    preprocess_kwargs: set = set()
    forward_kwargs: set = {'top', 'several', 'none_below'}
    visualize_kwargs: set = {'videos_to'}
    postprocess_kwargs: set = {'csv', 'json'}

    def __init__(
        self,
        model: str | Path | Config,
        checkpoint: str | Path | None = None,
        classes: Sequence[str] | str | Path | None = None,
        device: str | None = None,
        clip: str | None = None,
        show_progress: bool = False,
    ) -> None:
        device = device or get_device()
        self._loaded = load(model, checkpoint, device, clip)
        self.none_below: float | None = None
        if classes is not None:
            self._loaded.set_classes(class_names_of(classes, 'classes'))
        else:
            self.none_below = self._loaded.cfg.get('none_below')
        if not self._loaded.cls_head.class_names:
            raise ValueError(f'{model} names no classes: give some (classes, --classes "one, another")')
        super().__init__(self._loaded.cfg, device=device, scope='ga2mm', show_progress=False)
        self.with_bar = show_progress

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names."""
        return self.model.cls_head.class_names

    def calibrate(self, anchor_videos: Sequence[str | Path], false_accept_rate: float = 0.05) -> float:
        """Set ``none_below`` by irrelevant videos; see :func:`~ga2mm.calibrate_threshold`.

        Args:
            anchor_videos: Files or folders of irrelevant videos.
            false_accept_rate: Share of them that may be given a class.
        """
        files = self._inputs_to_list(anchor_videos)
        self.none_below = calibrate_threshold(self.model, files, None, false_accept_rate)
        return self.none_below

    def watch(
        self,
        source: str | Path | int,
        window: float = 4.0,
        stride: float = 1.0,
        batch_size: int = 1,
        **ranking: Any,
    ) -> Iterator[Prediction]:
        """Classify a long video, a camera or a stream window by window, while it is decoded.

        The memory does not depend on the length: it has the sampled frames of the windows that are not
        complete, resized. A window's numbers are those of a clip that is cut out of the video.

        Args:
            source: A file; the number of a camera; or a URL, pipe or device that FFmpeg opens.
            window: Length of a window in seconds.
            stride: Seconds from window to window.
            batch_size: Number of windows to classify at a time.
            **ranking: ``top``, ``several`` and ``none_below``, as in :meth:`forward`.

        Yields:
            A prediction for each window. If a file cannot be read to its end, the last one has no label and
            says where it ends. A stream just ends; its last incomplete window is left out.

        Raises:
            UnreadableVideoError: The file or stream cannot be opened.
            ValueError: Window or stride are not above 0, or the pipeline does not decode videos.
        """
        check_window(window, stride)
        endless, name = is_stream(source), str(source)
        video = Stream(source) if endless else FileInOrder(name)
        fps = video.get_avg_fps()
        if endless:
            windows = windows_of_stream(fps, window, stride)
        else:
            windows = list(windows_of_file(video.frame_times(), fps, window, stride))

        def sample(frames: int) -> dict[str, Any]:
            return self.pipeline.sample(frames, fps, name)

        done = 0
        cut = cut_windows(video, windows, sample, self.pipeline.shrink)
        for batch in self._get_chunk_data(cut, batch_size):
            items = [self.pipeline.finish(sampled, frames) for _, sampled, frames in batch]
            for (part, _, _), one in zip(batch, self._predict(items), strict=True):
                done += 1
                yield self._rank(one, name, start=part.start, end=part.end, problem=video.lost, **ranking)
        if not endless and done < len(windows):
            what = f'{len(windows) - done} windows from {windows[done].start:g} s on cannot be decoded'
            yield Prediction(name, problem=f'{name}: damaged, {what}')

    def time_line(
        self, video: str | Path, window: float = 4.0, stride: float = 1.0, batch_size: int = 1, **ranking: Any
    ) -> TimeLine:
        """Classify all windows of a video file; see :meth:`watch`."""
        found = tuple(self.watch(video, window, stride, batch_size, **ranking))
        return TimeLine(str(video), window, stride, found)

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> torch.nn.Module:
        return self._loaded

    def _init_pipeline(self, cfg: Config) -> PredictionPipeline:
        return PredictionPipeline(cfg)

    def _init_collate(self, cfg: Config) -> Callable:
        return pseudo_collate

    def _init_visualizer(self, cfg: Config) -> None:
        return None

    def _inputs_to_list(self, inputs: Any) -> list[str | Frames]:
        return list_inputs(inputs, images=self.pipeline.opens_images)

    def preprocess(
        self, inputs: list[str | Frames], batch_size: int = 1, **kwargs: Any
    ) -> Iterator[list[tuple[str, Any]]]:
        """Decode the inputs, several at a time.

        Yields:
            Batches of pairs of a name and an item, or the error of a video that cannot be read.
        """
        bar = tqdm(total=len(inputs), unit='video', disable=not self.with_bar)
        with bar, ThreadPoolExecutor(THREADS) as pool:
            coming, waiting = iter(inputs), deque()
            while True:
                ahead = batch_size + THREADS - len(waiting)
                waiting += [pool.submit(self._read, one) for one in islice(coming, ahead)]
                if not waiting:
                    return
                batch = [waiting.popleft() for _ in range(min(batch_size, len(waiting)))]
                yield [one.result() for one in batch]
                bar.update(len(batch))

    def _read(self, source: str | Frames) -> tuple[str, Any]:
        if isinstance(source, Frames):
            return source.name, self.pipeline.read_frames(source.frames, source.name)
        try:
            return source, self.pipeline.read(source)
        except UnreadableVideoError as error:
            return source, error

    def forward(
        self,
        inputs: list[tuple[str, Any]],
        top: int = 5,
        several: bool = False,
        none_below: float | None = None,
        **kwargs: Any,
    ) -> list[ActionDataSample]:
        """Predict a batch.

        Args:
            inputs: Output of :meth:`preprocess`.
            top: Number of ranked classes of a prediction.
            several: Give independent probabilities, so that a video may have several labels; needs a
                threshold. See :func:`~ga2mm.apis.prediction.rank`.
            none_below: Threshold instead of the attribute ``none_below``.

        Returns:
            Samples with the metainfo ``prediction``; those of unreadable videos have no scores.
        """
        readable = [item for _, item in inputs if not isinstance(item, UnreadableVideoError)]
        samples = iter(self._predict(readable) if readable else [])
        found = []
        for name, item in inputs:
            if isinstance(item, UnreadableVideoError):
                sample = ActionDataSample()
                prediction = Prediction(name, problem=str(item))
            else:
                sample = next(samples)
                problem = '; '.join(sample.get('mended', ())) or None
                prediction = self._rank(sample, name, top, several, none_below, problem=problem)
            sample.set_metainfo(dict(filename=name, prediction=prediction))
            found.append(sample)
        return found

    def _predict(self, items: Sequence[dict[str, Any]]) -> list[ActionDataSample]:
        return [sample.cpu() for sample in predict_items(self.model, items)]

    def _rank(
        self,
        sample: ActionDataSample,
        name: str,
        top: int = 5,
        several: bool = False,
        none_below: float | None = None,
        **more: Any,
    ) -> Prediction:
        level = self.none_below if none_below is None else none_below
        return rank(sample, self.classes, name, top, level, several, **more)

    def visualize(
        self,
        inputs: list[str | Frames],
        preds: list[ActionDataSample],
        videos_to: str | Path | None = None,
        **kwargs: Any,
    ) -> list[Path | None]:
        """Write the readable videos with their label into a folder.

        Args:
            inputs: The inputs.
            preds: Output of :meth:`forward`.
            videos_to: The folder; None to write no videos.

        Returns:
            The path of each video; None for an unreadable one.
        """
        if videos_to is None:
            return [None] * len(inputs)
        from ga2mm.visualization.labelled_video import write_labelled_videos

        sources = [one.frames if isinstance(one, Frames) else one for one in inputs]
        return write_labelled_videos(videos_to, sources, [sample.prediction for sample in preds])

    def postprocess(
        self,
        preds: list[ActionDataSample],
        visualization: list[Path | None],
        return_datasamples: bool = False,
        csv: str | Path | None = None,
        json: str | Path | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Give and write the predictions.

        Args:
            preds: Output of :meth:`forward`.
            visualization: Output of :meth:`visualize`.
            return_datasamples: Give the samples instead of plain values.
            csv: File of a table to write.
            json: File of all values to write.

        Returns:
            ``predictions``, plain values (see :class:`~ga2mm.apis.prediction.Prediction`) or samples, and
            ``visualization``, the written videos.
        """
        found: Iterable[Prediction] = [sample.prediction for sample in preds]
        if csv is not None:
            write_csv(csv, found, max((len(one.top) for one in found), default=1))
        if json is not None:
            write_json(json, dict(classes=list(self.classes), predictions=[one.to_dict() for one in found]))
        plain = preds if return_datasamples else [one.to_dict() for one in found]
        return dict(predictions=plain, visualization=[path and str(path) for path in visualization])
