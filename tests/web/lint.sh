#!/bin/sh
# Judges an OpenAPI document with a validator that is not of this project:
#   cloud-telephony openapi >openapi.json && tests/web/lint.sh openapi.json
# Needs `npm ci` in this folder. Exits 1 when it finds anything.
set -eu
[ $# -eq 1 ] || { echo "usage: lint.sh FILE" >&2; exit 2; }
here=$(dirname "$0")
# Nothing is told to, or asked of, anybody else.
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
exec "$here/node_modules/.bin/redocly" lint --config "$here/redocly.yaml" --max-problems 100 "$1"
