# zoo_images.py once more, on the five test draws that it leaves out. One seed.
_base_ = './zoo_images.py'

title = 'Prompt learners with and without GA2-CLIP on the miniature world, images, other draws'
worlds = [dict(style='mild', draws=[5, 6, 7, 8, 9])]
draws = [5, 6, 7, 8, 9]
seeds = [0]
