# Miniature world: GA2-CLIP with other names as negatives, other anchor videos and other strategies.
#   GA2MM_NAMES=compositions python tools/train.py configs/ga2/miniature_name_anchors.py --seed 0
_base_ = './miniature_ga2.py'
from ga2mm.datasets.label_map import read_label_map
from ga2mm.miniature.world import ACTIONS, SHAPES, held_out

source = list(read_label_map('data/miniature/{{$GA2MM_STYLE:mild}}/source/labels.csv'))
compositions = [
    f'{shape} {action}'
    for s, shape in enumerate(SHAPES)
    for a, action in enumerate(ACTIONS)
    if not held_out(s, a)
]
names = dict(irrelevant=_base_.anchors.negatives.names, source=source, compositions=compositions)['{{$GA2MM_NAMES:compositions}}']
weight = float('{{$GA2MM_WEIGHT:30}}')
more = dict(
    none=[],
    drift=[dict(type='DriftWeighted', weight=15.0)],
    distribution=[dict(type='DistributionConsistency', over='negatives', weight=1.0)],
    classes=[dict(type='DistributionConsistency', weight=0.3)])
model = dict(
    anchors=dict(
        negatives=dict(_delete_=True, names=names),
        strategies=[dict(type='FeatureConsistency', weight=weight), *more['{{$GA2MM_MORE:none}}']]))
noise = dict(type='GeneratedAnchors', kind='noise', dataset=_base_.train_dataset)
mixture = dict(type='WeightedAnchors', sources=[noise, _base_.anchor_dataset], weights=[1, 1])
curriculum = dict(_delete_=True, type='AnchorCurriculumSampler', num_anchors=8, steps=144)
kinds = dict(
    irrelevant={},
    noise=dict(dataset=dict(anchors=dict(_delete_=True, **noise))),
    mixture=dict(dataset=dict(anchors=dict(_delete_=True, **mixture))),
    curriculum=dict(dataset=dict(anchors=dict(_delete_=True, **mixture)), batch_sampler=curriculum))
train_dataloader = kinds['{{$GA2MM_VIDEOS:irrelevant}}']
del ACTIONS, SHAPES, held_out, source, compositions, names, weight, more, noise, mixture, curriculum, kinds
