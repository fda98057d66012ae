#!/bin/sh
# Replace the replicas by ones of the present image and variables, one at a time, with no outage: a
# new one is added and must become ready before an old one is drained. If it does not, the roll stops
# and every old replica goes on serving.
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
cd "$HERE/.."
. "$HERE/environment.sh"

check_variables
docker compose build --quiet bokeh static
# A replica that was stopped would be started again as it is, and be taken for a new one.
docker compose rm --force bokeh >/dev/null 2>&1
old=$(docker compose ps --quiet bokeh)
[ -n "$old" ] || { echo "roll: no replica is running; start the stack with make up" >&2; exit 1; }
count=$(printf '%s\n' "$old" | wc -l)

add_one() {
    before=$(docker compose ps --all --quiet bokeh | sort)
    # Not --no-deps: Compose would take the replica for one of another configuration and recreate it at
    # the next `up`.
    if docker compose up --detach --wait --no-build --no-recreate --scale "bokeh=$((count + 1))" bokeh >/dev/null 2>&1; then
        return
    fi
    docker compose ps --all --quiet bokeh | sort | while read -r container; do
        printf '%s\n' "$before" | grep -qx "$container" && continue
        echo "roll: the new replica did not become ready; its last lines:" >&2
        docker logs --tail 20 "$container" >&2
        docker rm --force "$container" >/dev/null
    done
    echo "roll: stopped; $(docker compose ps --quiet bokeh | wc -l) replicas serve" >&2
    exit 1
}

for replica in $old; do
    add_one
    # Compose's own grace period: the replica drains before it ends.
    docker stop --time 30 "$replica" >/dev/null
    docker rm "$replica" >/dev/null
    echo "roll: $(printf '%.12s' "$replica") replaced"
done
docker compose up --detach --wait --no-build --no-deps static >/dev/null 2>&1
echo "roll: $count replicas replaced"
