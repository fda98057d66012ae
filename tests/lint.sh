#!/bin/sh
# Lint and types of the whole working tree; every tool runs, then the result is told.
set -u
failed=0
run() { echo "lint: $*"; "$@" || failed=1; }
run ruff format --check --no-cache .
run ruff check --no-cache .
run mypy --cache-dir=/tmp/mypy packages/*/src services/*/src traefik/setup/src
run env PYTHONPATH=packages/tracestore/src:services/model-worker/src:services/bokeh/src lint-imports --no-cache
run hadolint services/bokeh/Dockerfile services/model-worker/Dockerfile traefik/Dockerfile tests/Dockerfile observability/Dockerfile
run promtool check config observability/prometheus.yaml
run promtool test rules observability/alerts_test.yaml
exit "$failed"
