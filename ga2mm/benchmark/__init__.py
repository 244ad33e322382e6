"""Tables over methods, datasets, shots, class draws and seeds: planned, run, and summed up."""
