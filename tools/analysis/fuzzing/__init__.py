"""What ``fuzz_readers.py`` is made of: kinds of files, damage to them, and processes that may die."""
