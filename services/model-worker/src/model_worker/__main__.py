"""`python -m model_worker` is `model-worker`."""

from model_worker.commands.command_line import main

main()
