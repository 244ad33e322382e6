"""Parts of ``fuzz_readers.py``: kinds of files, damage to files, and processes that may crash."""
