#!/usr/bin/env bash
# Talks to `bita serve` with nothing but curl.
#   chat.sh [ADDRESS]      default: http://127.0.0.1:8080
set -euo pipefail
address=${1:-http://127.0.0.1:8080}
post() { curl --silent --show-error --fail-with-body --no-buffer "$address$1" -H 'Content-Type: application/json' -d "$2"; }

echo "--- one answer, as a whole"
post /v1/chat/completions '{
  "messages": [{"role": "user", "content": "Why is the sky blue?"}],
  "temperature": 0, "max_tokens": 32
}'
echo

echo "--- the same as it comes, an event for each piece"
post /v1/chat/completions '{
  "messages": [{"role": "user", "content": "Why is the sky blue?"}],
  "temperature": 0, "max_tokens": 8, "stream": true
}'

echo "--- an answer that is JSON of a schema"
post /v1/chat/completions '{
  "messages": [{"role": "user", "content": "A person of 30 years whose name is Ada, as JSON."}],
  "temperature": 0, "max_tokens": 64,
  "response_format": {"type": "json_schema", "json_schema": {"name": "person", "schema": {
    "type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
    "required": ["name", "age"], "additionalProperties": false}}}
}'
echo

echo "--- how many tokens a text has"
post /tokenize '{"prompt": "Why is the sky blue?"}'
echo
