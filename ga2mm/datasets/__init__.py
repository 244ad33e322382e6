"""Datasets of videos and images, their annotation files and label maps, and tolerant decoding."""

import mmaction.datasets  # noqa: F401  registers MMAction2's datasets and transforms

from ga2mm.datasets.action_video_dataset import ActionVideoDataset
from ga2mm.datasets.annotation import read_annotation, read_video_list
from ga2mm.datasets.coop_split_dataset import CoOpSplitDataset, read_coop_split
from ga2mm.datasets.frame_features import LoadFrameFeatures
from ga2mm.datasets.grayscale import RandomGrayscaleClip
from ga2mm.datasets.image_folder_dataset import ImageFolderDataset
from ga2mm.datasets.label_map import check_class_names, read_label_map
from ga2mm.datasets.still_image import OpenImage
from ga2mm.datasets.tolerant_video_dataset import TolerantVideoDataset
from ga2mm.datasets.transforms import CentredSampleFrames, DecodeFrames, OpenVideo, black_video
from ga2mm.datasets.video_file import UnreadableVideoError, VideoFile
from ga2mm.datasets.video_folder_dataset import VideoFolderDataset

__all__ = [
    'ActionVideoDataset',
    'CentredSampleFrames',
    'CoOpSplitDataset',
    'DecodeFrames',
    'ImageFolderDataset',
    'LoadFrameFeatures',
    'OpenImage',
    'OpenVideo',
    'RandomGrayscaleClip',
    'TolerantVideoDataset',
    'UnreadableVideoError',
    'VideoFile',
    'VideoFolderDataset',
    'black_video',
    'check_class_names',
    'read_annotation',
    'read_coop_split',
    'read_label_map',
    'read_video_list',
]
