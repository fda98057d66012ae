#!/bin/sh
# Replace `static` and the replicas by ones of the present image and variables, one at a time, with no
# outage: a new one is added and must become ready before an old one is stopped. If it does not, the roll
# stops and every old one goes on serving.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/.."
. "$HERE/environment.sh"

running() { docker compose ps --quiet "$1"; }

add_one() { # service how-many-there-are
    before=$(docker compose ps --all --quiet "$1" | sort)
    # Not --no-deps: Compose would take the container for one of another configuration and recreate it at
    # the next `up`.
    if docker compose up --detach --wait --no-build --no-recreate --scale "$1=$(($2 + 1))" "$1" >/dev/null 2>&1; then
        return
    fi
    docker compose ps --all --quiet "$1" | sort | while read -r container; do
        printf '%s\n' "$before" | grep -qx "$container" && continue
        echo "roll: the new container of $1 did not become ready; its last lines:" >&2
        docker logs --tail 20 "$container" >&2
        docker rm --force "$container" >/dev/null
    done
    echo "roll: stopped; $(running "$1" | wc -l) of $1 go on serving" >&2
    exit 1
}

roll() { # service
    # One that was stopped would be started again as it is, and be taken for a new one.
    docker compose rm --force "$1" >/dev/null 2>&1
    old=$(running "$1")
    [ -n "$old" ] || { echo "roll: no container of $1 is running; start the stack with make up" >&2; exit 1; }
    count=$(printf '%s\n' "$old" | wc -l)
    for container in $old; do
        add_one "$1" "$count"
        # The proxy hears of the new one within a second.
        sleep 2
        # In the time that Compose gives it (stop_grace_period): it ends what it has begun.
        docker stop "$container" >/dev/null
        docker rm "$container" >/dev/null
        echo "roll: $(printf '%.12s' "$container") of $1 replaced"
    done
    echo "roll: $count of $1 replaced"
}

check_variables
docker compose build --quiet bokeh static
# New pages ask for new files, so those are there first.
roll static
roll bokeh
