"""What several test files use: one place for each thing, so that no test imports another."""
