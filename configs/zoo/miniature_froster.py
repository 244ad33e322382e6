# Miniature world: FROSTER (arXiv 2402.03241): both towers of CLIP tuned whole, held to the frozen CLIP through a residual
# network. As froster_vit_b16.py, with the budget of the other miniature methods and the rate of miniature_vificlip.py.
_base_ = './miniature_vificlip.py'

model = dict(losses=[dict(type='ResidualFeatureDistillation')])
