"""Plan, run and summarise tables over methods, datasets, shots, class draws and seeds."""
