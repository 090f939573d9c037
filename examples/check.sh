#!/usr/bin/env bash
# Runs the examples that talk to a server, against one that it starts and ends, and the tuning example.
#   check.sh [curl] [spring-boot] [tuning]      default: all
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bita=${BITA:-$here/../bita}
[ $# -gt 0 ] || set -- curl spring-boot tuning
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

serve() {
    [ -z "$server" ] || return 0
    "$bita" serve --port 0 >"$work/out" 2>"$work/err" &
    server=$!
    for _ in $(seq 600); do
        address=$(grep -ohE 'http://[0-9.]+:[0-9]+' "$work/out" "$work/err" | head -1 || true)
        [ -z "$address" ] || return 0
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/err" >&2
    exit 1
}
answered() { # WHAT, TEXT that must be in its output
    grep -q -- "$2" "$work/answer" || {
        cat "$work/answer" >&2
        echo "$1: there is no '$2' in what it wrote" >&2
        exit 1
    }
}

for example in "$@"; do
    case $example in
        curl)
            serve
            "$here/curl/chat.sh" "$address" >"$work/answer"
            answered curl '"finish_reason"'
            answered curl 'data: \[DONE\]'
            answered curl '\\"age\\"'
            answered curl '"count"'
            ;;
        spring-boot)
            serve
            (cd "$here/spring-boot" && BITA_ADDRESS=$address JAVA_HOME=$("$here/../bita" jdk) mvn -B -q spring-boot:run) >"$work/answer" 2>&1
            answered spring-boot light
            ;;
        tuning)
            "$here/tuning/tune.sh" "$here/tuning/questions.txt" "$work/tuning" --steps 2 >"$work/answer" 2>&1
            answered tuning identical
            ;;
        *)
            echo "there is no example '$example'" >&2
            exit 2
            ;;
    esac
    echo "$example: runs"
done
