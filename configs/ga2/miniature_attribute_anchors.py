# Miniature world: GA2-CLIP with anchors that carry attributes. GA2MM_IDEA selects one of `ideas`.
#   GA2MM_IDEA=attributes python tools/train.py configs/ga2/miniature_attribute_anchors.py --seed 0
# Measured: docs/experiments/anchors_validation.md.
_base_ = './miniature_ga2.py'
from ga2mm.anchors.attribute_banks import ATTRIBUTE_BANKS
from ga2mm.datasets.label_map import read_label_map

colours = [text.removeprefix('something ') for text in ATTRIBUTE_BANKS['miniature'] if text.startswith('something ')]
classes = list(read_label_map(_base_.base_labels))
shapes, actions = ({name.split()[place] for name in classes} for place in (0, 1))
irrelevant = _base_.anchors.negatives.names
noise = dict(type='GeneratedAnchors', kind='noise', dataset=_base_.train_dataset)
mixture = dict(type='WeightedAnchors', sources=[noise, _base_.anchor_dataset], weights=[1, 1])


def negatives(names, **more):
    return dict(model=dict(anchors=dict(negatives=dict(_delete_=True, names=names, **more))))


def videos(anchors, **more):
    return dict(train_dataloader=dict(dataset=dict(anchors=dict(_delete_=True, **anchors)), **more))


words = [f'a {shape}' for shape in sorted(shapes)] + [f'something {action}' for action in sorted(actions)]
ideas = dict(
    # Negatives from the words of the base classes.
    attributes=negatives(words, templates=['a video of {}.']),
    attributes_and_irrelevant=negatives(words + irrelevant),
    # Hard negatives: each base class in three colours.
    coloured_classes=negatives([f'{colours[(4 * k + i) % 12]} {name}' for i, name in enumerate(classes) for k in range(3)]),
    # Class names of another dataset, beside those of the irrelevant videos.
    source_and_irrelevant=negatives(irrelevant + list(read_label_map('data/miniature/{{$GA2MM_STYLE:mild}}/source/labels.csv'))),
    mixture=videos(mixture),
    curriculum=videos(
        mixture, batch_sampler=dict(_delete_=True, type='AnchorCurriculumSampler', num_anchors=8, steps=144)),
    drift=dict(
        model=dict(
            anchors=dict(
                strategies=[
                    dict(type='FeatureConsistency', weight=30.0),
                    dict(type='DriftWeighted', weight=15.0),
                ]))))
globals().update(ideas['{{$GA2MM_IDEA:attributes}}'])
del ATTRIBUTE_BANKS, colours, classes, shapes, actions, irrelevant, noise, mixture, words, ideas
