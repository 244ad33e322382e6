"""Banks of negative prompts: generic attributes that name no action."""

ATTRIBUTE_TEMPLATE = 'a video of {}.'
"""Template of a bank's texts. A head's own template may mention a person or add an article."""

_LIGHT = (
    'a bright room', 'a dark room', 'bright sunlight', 'dim light',
    'neon light', 'candlelight', 'long shadows', 'a sunset',
)  # fmt: skip
_PLACE = (
    'an empty room', 'a kitchen', 'an office', 'a sports hall', 'a stage', 'a street',
    'a city at night', 'a park', 'a forest', 'a beach', 'a mountain', 'a lake',
)  # fmt: skip
_COLOUR = (
    'something red', 'something orange', 'something yellow', 'something green', 'something blue',
    'something purple', 'something pink', 'something brown', 'something white', 'something black',
    'something gray',
)  # fmt: skip
_TEXTURE = (
    'grass', 'sand', 'wet ground', 'a wooden surface', 'a metal surface', 'a brick wall', 'a stone floor',
    'soft fabric', 'a striped pattern', 'a checkered pattern',
)  # fmt: skip
_CAMERA = (
    'a close-up', 'a wide shot', 'a view from above', 'a view from below', 'a shaky camera',
    'a blurry picture', 'a black and white picture', 'a low-resolution picture', 'slow motion',
)  # fmt: skip
_CROWD = ('a crowd', 'an audience', 'a single person', 'two people', 'a group of people', 'nobody')
_WEATHER = ('rain', 'snow', 'fog', 'wind', 'a clear sky', 'a cloudy sky')

ATTRIBUTE_BANKS: dict[str, tuple[str, ...]] = {
    'generic': _LIGHT + _PLACE + _COLOUR + _TEXTURE + _CAMERA + _CROWD + _WEATHER,
    'miniature': (
        'something red',
        'something orange',
        'something yellow',
        'something green',
        'something teal',
        'something cyan',
        'something blue',
        'something purple',
        'something pink',
        'something brown',
        'something white',
        'something black',
        'an empty scene on grass',
        'an empty scene on sand',
        'an empty scene on water',
        'an empty scene on stone',
        'an empty scene on brick',
        'an empty scene on snow',
        'an empty scene on night',
        'an empty scene on wood',
        'an empty scene on sky',
        'an empty scene on metal',
        'an empty scene on carpet',
        'an empty scene on tiles',
    ),  # fmt: skip
}
"""Banks by name. Design choice. ``generic`` is for real videos: 62 texts on light, place, colour, texture,
camera, crowd and weather. ``miniature`` has the colours and backgrounds of the miniature world in the words
that its tiny CLIP was trained on; it omits shapes and actions because class names contain them."""
