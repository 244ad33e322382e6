"""Run the command ``ga2mm`` as ``python -m ga2mm``."""

from ga2mm.cli import main

main()
