#!/usr/bin/env bash
# Learns an adapter from questions of one's own, and measures it: the model answers them (distill), masks learn to foresee the answers
# (tune), and the answers of one of them is made plainly and accelerated (run --compare).
#   tune.sh [QUESTIONS] [OUTPUT_DIR] [OPTIONS OF bita tune]
# Without arguments: the dozen questions beside this file and ten steps, which shows how it goes in a few minutes. A useful adapter takes
# hundreds of questions and the steps that `bita tune` takes by itself: docs/tune.md.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bita=${BITA:-$here/../../bita}
questions=${1:-$here/questions.txt}
output=${2:-$(mktemp -d)}
[ $# -gt 2 ] && options=("${@:3}") || options=(--steps 10)
model=${MODEL:-smollm2-135m}
mkdir -p "$output"

"$bita" distill "$model" --prompts "$questions" --max-tokens 96 -o "$output/answers.jsonl"
"$bita" tune "$model" --answers "$output/answers.jsonl" -o "$output/adapter.safetensors" "${options[@]}"
"$bita" inspect "$output/adapter.safetensors"
"$bita" run -m "$model" --adapter "$output/adapter.safetensors" --max-tokens 64 --compare "$(head -1 "$questions")"
