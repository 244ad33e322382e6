"""Harmonic mean, the summary metric of the base-to-novel protocol."""


def harmonic_mean(base: float, novel: float) -> float:
    """Compute the harmonic mean of base and novel accuracy, in their unit; 0 if both are 0.

    Raises:
        ValueError: An accuracy is negative or not a number.
    """
    if not (base >= 0 and novel >= 0):
        raise ValueError(f'accuracies must be 0 or more, not {base} (base) and {novel} (novel)')
    return 2 * base * novel / (base + novel) if base + novel else 0.0
