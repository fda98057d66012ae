"""Entry point of `python -m model_worker`, which is equivalent to `model-worker`."""

from model_worker.commands.command_line import main

main()
