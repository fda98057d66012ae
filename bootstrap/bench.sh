#!/bin/sh
# Run a benchmark where it belongs: its line `# runs in: IMAGE` names the image, `tests` being the one
# that drives Docker from outside the stack, `bench` the model worker's with the peers it is compared
# with. The rest of the arguments goes to the benchmark.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
PROJECT=$(dirname "$HERE")
cd "$PROJECT"
. "$HERE/environment.sh"

name=${1:-}
if [ -z "$name" ] || [ ! -f "bench/$name.py" ]; then
    echo "bench: name one of: $(cd bench && ls ./*.py | sed 's|^\./||; s|\.py$||' | tr '\n' ' ')" >&2
    exit 2
fi
shift
"$HERE/engine.sh" up
"$HERE/images.sh"
image=$(sed -n 's/^# runs in: //p' "bench/$name.py")

# Seconds from the start of a container of the product to the first version it published, three times.
cold_seconds() {
    docker compose build --quiet model-worker
    for _ in 1 2 3; do
        start=$(date +%s.%N)
        docker run --rm --network none --cpus 2 --tmpfs /tmp:mode=1777,exec --volume /traces \
            --volume "$PROJECT/studies:/studies:ro" longitude/model-worker:dev fit smoking-spending >&2
        echo "$start $(date +%s.%N)" | awk '{ printf "%.2f ", $2 - $1 }'
    done
}

case "$image" in
    tests)
        docker compose build --quiet
        docker compose -f tests/compose.yaml build --quiet tests
        # The same page under other servers, which two benchmarks compare with.
        case "$name" in page | serve) docker compose -f tests/compose.yaml build --quiet bokeh-bench ;; esac
        exec docker run --rm --init --network host --volume "$DOCKER_SOCKET:/var/run/docker.sock" \
            --volume "$PROJECT:$PROJECT" --workdir "$PROJECT" --env HOME=/tmp --env PYTHONPATH=tests \
            longitude/tests:dev python "bench/$name.py" "$@"
        ;;
    *)
        if [ "$image" = bench ]; then
            docker compose -f tests/compose.yaml build --quiet bench
        else
            docker compose build --quiet "$image"
        fi
        if [ "$name" = fit ]; then
            set -- --container-seconds $(cold_seconds) "$@"
        fi
        exec docker run --rm --init --network none --user "$(id -u):$(id -g)" \
            --volume "$PROJECT/bench:/bench:ro" --volume "$PROJECT/docs:/docs" \
            --volume "$PROJECT/studies:/studies:ro" --entrypoint python "longitude/$image:dev" "/bench/$name.py" "$@"
        ;;
esac
