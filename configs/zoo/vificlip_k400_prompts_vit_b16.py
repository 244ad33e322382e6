# ViFi-CLIP's second stage (arXiv 2212.03640, "bridge and prompt"): a CLIP tuned on Kinetics-400, then frozen,
# and deep prompts in both towers (IVLP).
# Lengths, depths, start, optimizer and rate as the code released with ViFi-CLIP has them for base-to-novel
# (prompting_base2novel/ucf/16_32_prompting_ivlp_s1.yaml).
# Different from the release: the epochs and warm-up of our video schedule (12 and 2 instead of 11 and 5;
# few-shot 30 and 5 instead of 50 and 5), no mixup, cutmix, colour jitter and label smoothing. Few-shot has 10
# tokens in 12 layers there. The CLIP is ViFi-CLIP's checkpoint of Kinetics-400 behind the converter:
#   python tools/convert/vifi_clip.py k400_vifi_clip.pth --clip ViT-B-16.pt --clip-out checkpoints/vifi_clip_k400.safetensors
# Beware: classes and videos of Kinetics-400 that are also in the target have been seen (docs/results.md).
#   GA2MM_DATASET=hmdb51 tools/dist_train.sh configs/zoo/vificlip_k400_prompts_vit_b16.py 8
# GA2MM_DATASET is ucf101, hmdb51 or ssv2. Not measured with this code.
_base_ = '../baselines/zero_shot.py'

model = dict(backbone=dict(pretrained='checkpoints/vifi_clip_k400.safetensors'), cls_head=_base_.deep_prompts)
