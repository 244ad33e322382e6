# ViFi-CLIP's second stage (arXiv 2212.03640, "bridge and prompt"): deep prompts in both towers (IVLP) of a
# frozen CLIP that was tuned on Kinetics-400.
# Lengths, depths, initialisation, optimizer and learning rate: as in ViFi-CLIP's released code for
# base-to-novel (prompting_base2novel/ucf/16_32_prompting_ivlp_s1.yaml).
# Different from the release: epochs and warm-up of our video schedule (12 and 2 instead of 11 and 5; few-shot
# 30 and 5 instead of 50 and 5), and no mixup, cutmix, colour jitter and label smoothing. The release's
# few-shot has 10 tokens in 12 layers. The CLIP is ViFi-CLIP's converted Kinetics-400 checkpoint:
#   python tools/convert/vifi_clip.py k400_vifi_clip.pth --clip ViT-B-16.pt --clip-out checkpoints/vifi_clip_k400.safetensors
# Caution: this CLIP was trained on those target classes and videos that are in Kinetics-400
# (docs/results.md).
#   GA2MM_DATASET=hmdb51 tools/dist_train.sh configs/zoo/vificlip_k400_prompts_vit_b16.py 8
# GA2MM_DATASET is ucf101, hmdb51 or ssv2. Not measured with this code.
_base_ = '../baselines/zero_shot.py'

model = dict(backbone=dict(weights='checkpoints/vifi_clip_k400.safetensors'), cls_head=_base_.deep_prompts)
