"""Hard prompts for the tiny CLIP, and a file that would run code."""

LENGTH, WIDTH = 2, 64


def coupled(hard_prompt: str, **arguments) -> dict:
    return dict(
        text_prompt=dict(type='DeepPrompt', length=LENGTH, depth=2),
        coupling=dict(type='HardPromptCoupling', hard_prompt=hard_prompt, **arguments),
    )


class RunsCode:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')
