#!/bin/sh
# Everything that is checked: lint and types, the unit tests in the services' own images, and the
# tests of the running stack. Nothing is needed on this machine but an engine, and that is seen to.
#
#   test.sh            all of it
#   test.sh lint       lint and types
#   test.sh unit       the unit tests
#   test.sh stack ...  the tests of the running stack; the rest goes to pytest
#   test.sh faults ... the fault suite in its full form, into docs/faults.md; the rest goes to pytest
#   test.sh soak M     the base load for M minutes, and what becomes of the replicas' memory
#   test.sh screenshots   pictures of the stack that runs now, into docs/screenshots
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(dirname "$HERE")
cd "$PROJECT"
. "$HERE/environment.sh"

"$HERE/engine.sh" up
"$HERE/images.sh"

in_tests_image() {
    docker compose -f tests/compose.yaml build --quiet tests
    # The same path inside as outside: Compose, run inside, hands paths to the engine outside.
    docker run --rm --init --network host --volume "$DOCKER_SOCKET:/var/run/docker.sock" \
        --volume "$PROJECT:$PROJECT" --workdir "$PROJECT" --env ARTIFACTS --env KEEP_FAILED \
        --env HOME=/tmp --shm-size 1g --cpu-shares "${TESTS_SHARE:-1024}" longitude/tests:dev "$@"
}

lint() { in_tests_image sh tests/lint.sh; }

unit() {
    for service in setup-test model-worker-test bokeh-test; do
        docker compose -f tests/compose.yaml build --quiet "$service"
        docker compose -f tests/compose.yaml run --rm --quiet-pull "$service"
    done
}

run_pytest() { # folder [pytest arguments, a path of the folder among them or not]
    folder=$1
    shift
    case " $*" in *" $folder/"*) ;; *) set -- "$folder" "$@" ;; esac
    docker compose build --quiet
    docker compose build --quiet prometheus
    # Some faults happen to a worker that has strace beside it.
    docker compose -f tests/compose.yaml build --quiet model-worker-test
    in_tests_image pytest "$@"
}

stack() { run_pytest tests "$@"; }

faults() {
    # All faults made anew: no figure of an earlier run stays. Those that are chosen replace their own.
    [ "$#" -gt 0 ] || set -- --anew
    # As much processor time as the stack under test has, which is more than others get: some criteria
    # are seconds.
    TESTS_SHARE=8192 run_pytest tests/faults --faults full "$@"
}

case "${1:-all}" in
    lint) lint ;;
    unit) unit ;;
    stack) shift; stack "$@" ;;
    faults) shift; faults "$@" ;;
    soak) run_pytest tests/faults/soak.py --faults full --minutes "${2:-60}" -s ;;
    screenshots) in_tests_image python tests/screenshots.py docs/screenshots ;;
    all) shift $(($# > 0)); lint; unit; stack "$@" ;;
    *) echo "usage: test.sh [all|lint|unit|stack|faults|soak|screenshots] [pytest arguments]" >&2; exit 2 ;;
esac
