"""Strict loading of checkpoints."""

import re
from typing import Any

from torch import Tensor, nn

from ga2mm.tensor_files import check_tensors


class StrictLoading(nn.Module):
    """A model that raises an error for a state that does not fit, even if the caller would only warn."""

    def raise_loading_errors(self) -> None:
        """Raise an error for tensors that PyTorch cannot copy; call this method in the constructor."""
        self._loading_errors: list[str] = []
        self.register_load_state_dict_post_hook(_raise_loading_errors)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: Any) -> None:
        """Check that a checkpoint fits before it is loaded.

        Parameters of objectives are used in training only: a model without such parameters ignores them.

        Raises:
            ValueError: Names, shapes or kinds of numbers differ from those of this model, or a tensor has NaN
                or infinite values, or no values.
        """
        self._to_this_version(state_dict, prefix)
        own = {prefix + key: value for key, value in self.state_dict().items()}
        expected = {key: value.shape for key, value in own.items()}
        found = {
            key: getattr(value, 'shape', ()) for key, value in state_dict.items() if key.startswith(prefix)
        }
        identity = f'{prefix}backbone._extra_state'
        problems = [f'{key} is missing' for key in expected if key not in found]
        problems += [f'{key} is unknown' for key in found if key not in expected]
        problems += [
            f'{key} has shape {tuple(found[key])}, not {tuple(shape)}'
            for key, shape in expected.items()
            if found.get(key, shape) != shape and key != identity
        ]
        problems += [
            f'{key} holds {state_dict[key].dtype}, not {value.dtype}'
            for key, value in own.items()
            if isinstance(state_dict.get(key), Tensor)
            and _kind(state_dict[key]) != _kind(value)
            and key != identity
        ]
        if problems:
            raise ValueError(
                f'the checkpoint does not fit the model of the config ({"; ".join(problems[:4])}'
                f'{f"; and {len(problems) - 4} more" if len(problems) > 4 else ""}): use the config '
                'that it was trained with'
            )
        check_tensors({key: value for key, value in state_dict.items() if key in own}, 'the checkpoint')
        self._loading_errors = args[-1]  # PyTorch adds to this list until all parts are loaded
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _to_this_version(self, state_dict: dict[str, Tensor], prefix: str) -> None:
        """Rename objectives' parameters of older versions; drop them if this model's objectives have none."""
        own = [prefix + key for key in self.state_dict() if key.startswith('objectives.')]
        old = re.compile(rf'{re.escape(prefix)}anchors\.strategies\.\d+(\..+)')
        for key in list(state_dict):
            match = old.fullmatch(key)
            if match:
                unknown = f'{prefix}objectives{match[1]}'
                name = next((name for name in own if name.endswith(match[1])), unknown)
                state_dict[name] = state_dict.pop(key)
                key = name
            if not own and key.startswith(f'{prefix}objectives.'):
                del state_dict[key]


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    """Say whether a tensor is of a floating point type, and whether of a complex type."""
    return tensor.is_floating_point(), tensor.is_complex()


def _raise_loading_errors(model: StrictLoading, incompatible_keys: Any) -> None:
    """Raise PyTorch's errors on tensors that it could not copy; MMEngine would only warn."""
    errors, model._loading_errors = model._loading_errors, []
    if errors:
        raise ValueError(f'the checkpoint cannot be loaded: {errors[0]}')
