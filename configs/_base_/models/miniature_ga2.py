# GA2-CLIP on the tiny CLIP: coupled prompts and anchors. The negatives are the class names of the irrelevant videos.
_base_ = './miniature_coupled.py'

model = dict(
    anchors=dict(
        negatives=dict(
            names=[
                f'{shape} {action}' for shape in ('arrow', 'window', 'drop', 'oval') for action in (
                    'sliding', 'rising', 'falling', 'spinning', 'orbiting', 'growing', 'glowing', 'bouncing', 'shaking')
            ]),
        strategies=[dict(type='FeatureConsistency', weight=3.0)]))
