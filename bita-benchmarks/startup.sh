#!/usr/bin/env bash
# How long `bita run` takes from the start of its process to the first token, with the files in the system's cache, and where the time goes.
#   startup.sh [BITA] [OPTIONS OF bita run]     default: the checkout's launcher and the default model
# The total is the median of ten runs. The parts are of one more run, told by when Java first uses the classes that stand for them
# (-Xlog:class+init), which costs a little itself.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bita=${1:-$here/../bita}
shift || true
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Milliseconds until the first byte of the answer.
first_byte() {
    local start=$EPOCHREALTIME end
    IFS= read -r -N 1 _ < <("$bita" run --max-tokens 1 "$@" "Why is the sky blue?" 2>/dev/null)
    end=$EPOCHREALTIME
    echo $(((${end/./} - ${start/./}) / 1000))
}
first_byte "$@" >/dev/null
times=$(for _ in 1 2 3 4 5 6 7 8 9 10; do first_byte "$@"; done | sort -n | tr '\n' ' ')
echo "first token after $(echo "$times" | cut -d' ' -f5) ms (median of ten: $times)"

JDK_JAVA_OPTIONS="-Xlog:class+init=info:file=$log:uptime" "$bita" run --max-tokens 1 "$@" "Why is the sky blue?" >/dev/null 2>&1
at() { # CLASS -> milliseconds at which Java first used it
    sed -n "s|^\[\([0-9]*\)[.,]\([0-9]*\)s\].* Initializing '$1'.*|\1\2|p" "$log" | head -1 | sed 's/^0*\(.\)/\1/'
}
last=0
part() { # WHAT, CLASS that comes after it
    local now
    now=$(at "$2")
    [ -n "$now" ] || return 0
    printf '%6d ms  %s\n' $((now - last)) "$1"
    last=$now
}
part "Java starts" bita/cli/Main
part "command line read, model found" bita/api/LanguageModel
part "kernels linked, the tokenizer begins beside that" 'bita/kernels/ThreadTeam$Member'
part "weights packed" bita/model/Weights
part "adapter read, the tokenizer waited for" bita/model/Engine
part "prompt made, costs of steps read" bita/api/AnswerWriter
part "prompt read, first token" 'bita/decode/Step$Token'
