# AttriPrompt's design choices, on images and on videos: validation draws, one seed. Each method is
# AttriPrompt of configs/zoo/miniature.py with one change. Training multiplies in bfloat16.
#   python tools/run_protocol.py configs/benchmarks/attriprompt_validation.py
# Measured: docs/zoo.md.
_base_ = './miniature.py'

title = 'AttriPrompt, validation'
part = 'validation'
worlds = [dict(style='mild', draws=[100, 101, 102, 103])]
datasets = {
    'mild': None,  # replaced by the next two
    'strong': None,
    'mild videos': dict(env=dict(GA2MM_STYLE='mild', GA2MM_PROTOCOL='base2novel')),
    'mild images': dict(env=dict(GA2MM_STYLE='mild', GA2MM_PROTOCOL='images_base2novel')),
}
_attriprompt = dict(config='../zoo/miniature.py', env=dict(GA2MM_METHOD='attriprompt'))
_bfloat16 = {'optim_wrapper.type': 'BFloat16OptimWrapper'}
_retrieval = 'model.cls_head.text_prompt'
_contrastive, _regularization = 'model.losses.0.weight', 'model.losses.1.weight'
methods = {
    'coupled prompts': None,
    'GA2-CLIP': None,
    'deep prompts': dict(options=_bfloat16),
    'AttriPrompt': dict(**_attriprompt, options=_bfloat16),
    **{
        name: dict(**_attriprompt, options={**_bfloat16, **options})
        for name, options in {
            '1 cluster': {f'{_retrieval}.num_clusters': 1},
            '2 clusters': {f'{_retrieval}.num_clusters': 2},
            '8 clusters': {f'{_retrieval}.num_clusters': 8},
            'pool of 4': {f'{_retrieval}.pool_size': 4},
            'pool of 64': {f'{_retrieval}.pool_size': 64},
            'top 2': {f'{_retrieval}.top_k': 2},
            'temperature 0.1': {f'{_retrieval}.temperature': 0.1},
            'temperature 1': {f'{_retrieval}.temperature': 1.0},
            'keys without a loss': {'model.losses.2.weight': 0.0},
            'contrastive 0': {_contrastive: 0.0},
            'contrastive 0.3': {_contrastive: 0.3},
            'contrastive 3': {_contrastive: 3.0},
            'regularization 0': {_regularization: 0.0},
            'regularization 8': {_regularization: 8.0},
            'regularization 80': {_regularization: 80.0},
            'regularization by cosine': {'model.losses.1.form': 'cosine'},
            'regularization by kl': {'model.losses.1': dict(form='kl', weight=1.0)},
            'vision prompts': {'model.cls_head.vision_prompt': dict(type='DeepPrompt', length=4, depth=3)},
        }.items()
    },
}
baseline = ['deep prompts', 'AttriPrompt']
draws = [100, 101, 102, 103]
seeds = [0]
