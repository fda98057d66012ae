#!/bin/sh
# Make sure that a Docker engine with Compose v2 answers.
#
#   engine.sh up     leave a working engine alone; otherwise install and start one
#   engine.sh down   stop the daemon, only if `up` started it and nothing else runs on it
set -eu

STATE=/run/longitude-engine
LOG=/var/log/longitude-engine.log
# Docker's own choice is 31 networks of a machine, less those whose addresses are taken: a stack has three or four, and
# bridges that another engine left count too. Of networks of 256 addresses there are some thousands.
POOLS="--default-address-pool base=172.16.0.0/12,size=24 --default-address-pool base=192.168.0.0/16,size=24"
SUPPORTED="Debian 12 or later, Ubuntu 22.04 or later"

say() { printf 'engine: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

engine_answers() { docker info >/dev/null 2>&1; }
compose_is_v2() { docker compose version --short 2>/dev/null | grep -Eq '^v?([2-9]|[1-9][0-9])\.'; }
buildx_is_there() { docker buildx version >/dev/null 2>&1; }

packages_debian() {
    # A release whose own Compose is v1 (Debian 12) takes the engine from Debian 13, pinned low
    # so that nothing else follows it; runc stays the release's own, as 13's needs a newer libc.
    if apt-cache policy docker-compose | grep -Eq 'Candidate: (2|[3-9])'; then
        apt-get install -y -qq --no-install-recommends docker.io docker-cli docker-compose docker-buildx iptables
        return
    fi
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    mirror=$(apt-get indextargets --format '$(REPO_URI)' "Codename: $release" 'Created-By: Packages' | head -n 1)
    [ -n "$mirror" ] || die "apt knows no source of Debian $release to take a newer engine from"
    cat > /etc/apt/sources.list.d/longitude-trixie.sources <<SOURCE
Types: deb
URIs: $mirror
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
SOURCE
    printf 'Package: *\nPin: release n=trixie\nPin-Priority: 100\n' > /etc/apt/preferences.d/longitude-trixie
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends runc iptables \
        docker.io/trixie docker-cli/trixie containerd/trixie docker-compose/trixie docker-buildx/trixie
}

install_engine() {
    [ "$(id -u)" = 0 ] || die "no Docker engine with Compose v2 answers, and installing one needs root: run this as root, or install Docker Engine and the Compose plugin yourself"
    distribution=$(. /etc/os-release 2>/dev/null && echo "${ID:-unknown}")
    say "no Docker engine with Compose v2 answers: installing it from the packages of $distribution"
    export DEBIAN_FRONTEND=noninteractive
    case "$distribution" in
        debian)
            apt-get update -qq
            packages_debian
            ;;
        ubuntu)
            apt-get update -qq
            apt-get install -y -qq --no-install-recommends docker.io docker-compose-v2 docker-buildx iptables
            ;;
        *) die "this system is '$distribution'; an engine can be installed here for you on $SUPPORTED only: install Docker Engine and the Compose plugin (v2) and run this again" ;;
    esac
}

start_daemon() {
    if [ -d /run/systemd/system ]; then
        systemctl start docker
        mkdir -p "$STATE" && echo systemd > "$STATE/daemon"
    else
        say "no init system here: starting dockerd in the background (log: $LOG)"
        mkdir -p "$STATE"
        # shellcheck disable=SC2086 # words of it are arguments
        setsid nohup dockerd $POOLS >>"$LOG" 2>&1 </dev/null &
        echo "$!" > "$STATE/daemon"
    fi
    for _ in $(seq 60); do
        engine_answers && return
        sleep 1
    done
    tail -n 20 "$LOG" >&2 2>/dev/null || true
    die "the daemon did not answer within 60 s; its last lines are above"
}

up() {
    if command -v docker >/dev/null 2>&1 && engine_answers && compose_is_v2; then
        return
    fi
    if engine_answers; then
        die "the engine answers but has no Compose v2 (found: '$(docker compose version --short 2>&1 | head -n 1)'): install the Compose plugin of your engine and run this again"
    fi
    if ! command -v dockerd >/dev/null 2>&1 || ! compose_is_v2 || ! buildx_is_there; then
        install_engine >&2
    fi
    [ "$(id -u)" = 0 ] || die "the Docker daemon does not answer: start it, or run this as root"
    engine_answers || start_daemon
    say "Docker $(docker version --format '{{.Server.Version}}'), Compose $(docker compose version --short)"
}

down() {
    [ -f "$STATE/daemon" ] || return 0
    if engine_answers && [ -n "$(docker ps -q)" ]; then
        say "the daemon stays: other containers run on it"
        return 0
    fi
    daemon=$(cat "$STATE/daemon")
    rm -f "$STATE/daemon"
    if [ "$daemon" = systemd ]; then
        systemctl stop docker docker.socket
    elif kill -0 "$daemon" 2>/dev/null && grep -q dockerd "/proc/$daemon/comm"; then
        kill "$daemon"
        for _ in $(seq 30); do
            kill -0 "$daemon" 2>/dev/null || break
            sleep 1
        done
    fi
    say "the daemon that was started here is stopped"
}

case "${1:-}" in
    up) up ;;
    down) down ;;
    *) die "usage: engine.sh up|down" ;;
esac
