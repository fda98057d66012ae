#!/bin/sh
# Lint and types of the whole working tree; every tool runs, then the result is told.
set -u
failed=0
run() { echo "lint: $*"; "$@" || failed=1; }
run ruff format --check --no-cache .
run ruff check --no-cache .
run mypy --cache-dir=/tmp/mypy packages/*/src services/*/src traefik/setup/src
run hadolint services/bokeh/Dockerfile services/model-worker/Dockerfile traefik/Dockerfile tests/Dockerfile
exit "$failed"
