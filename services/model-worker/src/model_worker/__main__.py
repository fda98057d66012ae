"""`python -m model_worker` is `model-worker`."""

from model_worker.cli import main

main()
