"""Helpers of several test files, so that no test imports another."""
