#!/usr/bin/env bash
# 64 connections post a 28x28 PNG to `inkling serve` for some seconds, by wrk (Debian: wrk): there must be no error, and
# 99 of 100 answers within 20 ms. Prints the figures, which are those of a quiet machine only where nothing else runs.
# Environment: INKLING_BIN, the folder of the programs; LOAD_SECONDS (10); LOAD_P99_MS (20).
# Exit code 77: skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${INKLING_BIN:-build/test/bin}/inkling
if ! command -v wrk > /dev/null; then
    printf 'skipped: no wrk (Debian: wrk)\n'
    exit 77
fi
if "$program" --version | grep -q ', no libmicrohttpd\|, no jansson\|, no libpng'; then
    printf 'skipped: built without libmicrohttpd, jansson or libpng\n'
    exit 77
fi

place=$(mktemp -d)
server=''
trap '[ -z "$server" ] || kill "$server" 2> /dev/null || true; rm -rf "$place"' EXIT
cat > "$place/post.lua" << 'LUA'
local file = assert(io.open("samples/digit-3.png", "rb"))
wrk.method = "POST"
wrk.body = file:read("*a")
wrk.headers["Content-Type"] = "image/png"
file:close()
done = function(summary, latency)
    local e = summary.errors
    io.write(string.format("RESULT %d %.0f %.2f %.2f %d\n", summary.requests, summary.requests / summary.duration * 1e6,
        latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        e.connect + e.read + e.write + e.status + e.timeout))
end
LUA
mkfifo "$place/url"
"$program" serve models/digits.gguf --port 0 > "$place/url" 2> /dev/null &
server=$!
read -r url < "$place/url"

memory() {
    awk '/^VmRSS/ { print $2 }' "/proc/$server/status" 2> /dev/null || echo 0
}

faults=0
for path in v1/predict v1/read; do
    before=$(memory)
    read -r _ requests rate p50 p99 errors < <(
        wrk -t 1 -c 64 -d "${LOAD_SECONDS:-10}s" -s "$place/post.lua" "$url$path" | grep '^RESULT'
    )
    printf '/%s: %d requests, %d a second, 50 %% within %s ms, 99 %% within %s ms, %d errors, memory %d to %d KB\n' \
        "$path" "$requests" "$rate" "$p50" "$p99" "$errors" "$before" "$(memory)"
    if [ "$errors" -gt 0 ]; then
        printf '/%s: errors\n' "$path"
        faults=1
    fi
    # Reading prepares the picture too; the promise is for predicting.
    if [ "$path" = v1/predict ] && awk -v p99="$p99" -v most="${LOAD_P99_MS:-20}" 'BEGIN { exit !(p99 >= most) }'; then
        printf '/%s: 99 %% within %s ms, wanted less than %s ms\n' "$path" "$p99" "${LOAD_P99_MS:-20}"
        faults=1
    fi
done
kill "$server"
if ! wait "$server"; then
    printf 'the server did not end well\n'
    faults=1
fi
server=''
exit "$faults"
