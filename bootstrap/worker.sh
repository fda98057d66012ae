# Sourced by scripts that run one of the worker's commands as the caller, who then owns what it writes.

run_worker() { # volumes -- arguments
    check_variables
    if ! docker image inspect longitude/model-worker:dev >/dev/null 2>&1; then
        "$HERE/engine.sh" up
        "$HERE/images.sh"
        docker compose build --quiet model-worker
    fi
    count=0
    for argument in "$@"; do
        [ "$argument" != -- ] || break
        count=$((count + 1))
    done
    # The image's name goes where the -- was.
    place=0
    for argument in "$@"; do
        shift
        if [ "$place" -eq "$count" ]; then argument=longitude/model-worker:dev; fi
        set -- "$@" "$argument"
        place=$((place + 1))
    done
    docker run --rm --init --network none --read-only --cap-drop ALL --security-opt no-new-privileges \
        --user "$(id -u):$(id -g)" --tmpfs /tmp:mode=1777,exec "$@"
}
