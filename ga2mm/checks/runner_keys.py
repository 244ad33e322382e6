"""Top-level keys of a run's config."""

MORE_KEYS = {
    'compile', 'model_wrapper_cfg', 'custom_imports', 'env_variables', 'runner_type', 'strategy', 'sync_bn',
    'find_unused_parameters', 'activation_checkpointing', 'efficient_conv_bn_eval', 'tta_model',
    'tta_pipeline', 'tta_cfg', 'tta_dataloader', 'tta_evaluator',
}  # fmt: skip
"""Top-level keys that are read in addition to the runner's arguments."""


def runner_keys() -> set[str]:
    """Give the top-level keys that MMEngine, MMAction2 and ga2mm read."""
    # Here, so that a config that cannot be read is an error before PyTorch is imported.
    from mmengine.runner import Runner

    from ga2mm.checks.signatures import parameters_of

    return {*parameters_of(Runner.__init__), *MORE_KEYS} - {'cfg'}
