"""Checks of a run before anything is built: its config, lists, pipelines and metrics."""
