#!/bin/sh
# Runs a command beside a server of its own, whose address is in CT_URL, its folder in CT_FOLDER and the program
# in CT_PROGRAM:
#
#   tools/with-server.sh PROGRAM COMMAND [ARGUMENT ...]
#
# The server listens on a port that the kernel chose, in a folder that is thrown away. The exit status is
# the command's, or 1 when the server did not start, died, or did not stop cleanly.
set -eu

program=$1
shift
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -KILL "$server" 2>/dev/null; rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

(
    cd "$folder"
    exec env -i PATH="$PATH" HOST=127.0.0.1 PORT=0 LOG_FORMAT=json LOG_LEVEL=info SIP_LISTEN=off \
        SECRET_KEY=for-tests-alone-and-long-enough-0123456789 "$program" serve >log 2>&1
) &
server=$!

tries=0
until port=$(sed -n 's/.*"event":"listening".*"port":\([0-9][0-9]*\).*/\1/p' "$folder/log" 2>/dev/null) &&
    [ -n "$port" ]; do
    tries=$((tries + 1))
    if [ $tries -gt 300 ] || ! kill -0 "$server" 2>/dev/null; then
        cat "$folder/log"
        echo "with-server: $program does not listen" >&2
        exit 1
    fi
    sleep 0.1
done

status=0
CT_URL=http://127.0.0.1:$port CT_FOLDER=$folder CT_PROGRAM=$program "$@" || status=$?
kill -TERM "$server" 2>/dev/null || true
stopped=0
wait "$server" || stopped=$?
server=
if [ $stopped -ne 0 ]; then
    tail -n 40 "$folder/log"
    echo "with-server: the server ended with status $stopped" >&2
    exit 1
fi
exit $status
