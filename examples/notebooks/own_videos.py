# %% [markdown]
# # Your own videos with ga2mm
#
# From a folder with one folder of videos for each class to answers for new videos, in two commands. Run the
# cells from top to bottom. As it is, the notebook generates small videos and tunes the tiny CLIP of the
# package, which takes about a minute on a CPU and needs no download of weights. The last cell says what to
# change for your own videos.

# %% [markdown]
# ## 1. Install
#
# In Colab, set `REPOSITORY` to the address of the git repository that you read this in. Leave it empty where
# ga2mm is installed.

# %%
import subprocess
import sys

REPOSITORY = ''
if REPOSITORY:
    subprocess.run([sys.executable, '-m', 'pip', 'install', '-q', f'git+{REPOSITORY}'], check=True)

# %% [markdown]
# ## 2. A folder of videos
#
# Each class is a folder. Here they are ten classes with ten generated videos each. `new_videos` has three
# more videos of each class.

# %%
import csv
import shutil
from pathlib import Path

from ga2mm.miniature.dataset import generate_draw

CLASSES, VIDEOS, UNLABELLED = 10, 10, 3
generated = generate_draw('generated', draw=0, shots=2, test_videos=VIDEOS + UNLABELLED, val_videos=1)
with open(generated / 'base_labels.csv') as file:
    names = [row['name'] for row in csv.DictReader(file)][:CLASSES]
numbers = dict.fromkeys(names, 0)
for line in (generated / 'base_test.txt').read_text().splitlines():
    path, label = line.rsplit(' ', 1)
    if int(label) < CLASSES:
        name = names[int(label)]
        numbers[name] += 1
        folder = Path('my_videos' if numbers[name] <= VIDEOS else 'new_videos') / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(generated / 'videos' / path, folder / f'clip {numbers[name]}.mkv')
print(*names, sep='\n')

# %% [markdown]
# ## 3. Look at them
#
# `check` reads every video, counts classes and recordings, and names the files that cannot be read.

# %%
shell('ga2mm check my_videos')

# %% [markdown]
# ## 4. Train and test
#
# Four videos of each class tune the prompts, the others test them. The classes of `--novel` are tested but
# not trained on. `work_dirs/my_videos` gets a report, the log and one model file.

# %%
novel = ', '.join(names[-2:])
shell('ga2mm train my_videos --shots 4 --novel "{novel}" --preset miniature')

# %% [markdown]
# ## 5. Classify new videos

# %%
import ga2mm

classifier = ga2mm.VideoClassifier('work_dirs/my_videos/my_videos.ga2')
predictions = classifier('new_videos', top=3)['predictions']
right = sum(one['label'] == Path(one['video']).parent.name for one in predictions)
print(f'{right} of {len(predictions)} are right')

# %%
import av
import matplotlib.pyplot as plt

figure, axes = plt.subplots(2, 5, figsize=(12, 5.5))
for one, ax in zip(predictions[::UNLABELLED], axes.flat, strict=True):
    with av.open(one['video']) as video:
        frames = [frame.to_ndarray(format='rgb24') for frame in video.decode(video=0)]
    ax.imshow(frames[len(frames) // 2])
    ax.set_title(f'{one["label"]}\n{one["probability"]:.0%}', fontsize=9)
    ax.set_axis_off()
plt.show()

# %% [markdown]
# ## 6. Your own videos
#
# Put them in a folder with one folder for each class, for example on your Drive
# (`from google.colab import drive; drive.mount('/content/drive')`), choose a GPU (*Runtime*, *Change runtime
# type*), and leave `--preset miniature` out, so that OpenAI's CLIP ViT-B/32 is downloaded and tuned:
#
# ```
# !ga2mm train /content/drive/MyDrive/my_videos --shots 4 --novel "tai-chi"
# !ga2mm predict work_dirs/my_videos/my_videos.ga2 new_videos --top 3 --csv out.csv
# ```
#
# The accuracy above says nothing about real videos: the world is generated and the CLIP is tiny.
