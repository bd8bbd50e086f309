# shellcheck shell=bash
# What the test scripts share; read with `source`. A step is a command whose output goes to a log; it
# prints one line. Steps count as tests; the tests of ctest within a step count each.

export CTEST_OUTPUT_ON_FAILURE=1
logs=build/logs
mkdir -p "$logs"
jobs=$(nproc 2> /dev/null || echo 2)
passed=0
failed=0
skipped=0
skips=() # what was skipped, and why
faults=() # what failed

if [ -z "${INKLING_DATA:-}" ] && [ -d ../shared/data ]; then
    INKLING_DATA=$(cd ../shared/data && pwd)
    export INKLING_DATA
fi

log_of() {
    printf '%s/%s.log' "$logs" "$(tr -cs 'a-zA-Z0-9_.-' '-' <<< "$1" | sed 's/-*$//')"
}

# usage: step NAME COMMAND...   Exit code 77 of the command: skipped, its last line says why.
step() {
    local name=$1 code=0 begin=$SECONDS log reason
    shift
    log=$(log_of "$name")
    printf '%-44s' "$name"
    "$@" > "$log" 2>&1 || code=$?
    case $code in
    0)
        passed=$((passed + 1))
        printf 'passed   %3d s\n' $((SECONDS - begin))
        ;;
    77)
        reason=$(tail -n 1 "$log")
        skipped=$((skipped + 1))
        skips+=("$name: $reason")
        printf 'skipped  %3d s  %s\n' $((SECONDS - begin)) "$reason"
        ;;
    *)
        failed=$((failed + 1))
        faults+=("$name: see $log")
        printf 'FAILED   %3d s  see %s\n' $((SECONDS - begin)) "$log"
        tail -n "${STEP_TAIL:-30}" "$log" | sed 's/^/    /'
        return 1
        ;;
    esac
}

# usage: suite NAME BUILD CTEST-ARGUMENTS...   Runs the tests of a build; each of them counts.
suite() {
    local name=$1 build=$2 begin=$SECONDS code=0 log good bad absent=0 line
    shift 2
    log=$(log_of "$name")
    printf '%-44s' "$name"
    (cd "$build" && ctest -j "$jobs" --output-on-failure --no-tests=error "$@") \
        > "$log" 2>&1 || code=$?
    # 12/34 Test #5: gguf .......   Passed    0.01 sec, ***Skipped, ***Failed, ***Timeout, ...
    good=$(grep -cE '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed +[0-9.]+ sec' "$log" || true)
    bad=$(grep -E '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*\*\*\*' "$log" |
        grep -cvE '\*\*\*Skipped ' || true)
    if [ "$code" -ne 0 ] && [ "$bad" -eq 0 ]; then
        bad=1 # ctest itself failed
    fi
    while read -r line; do
        absent=$((absent + 1))
        skips+=("$name: $line")
    done < <(skipped_in "$log" "$build/Testing/Temporary/LastTest.log")
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + absent))
    printf '%d passed, %d failed, %d skipped  %d s\n' "$good" "$bad" "$absent" $((SECONDS - begin))
    if [ "$bad" -gt 0 ]; then
        # Without what went well.
        grep -vE '^\[( RUN     |       OK) \]|^ +Start +[0-9]+: |  Passed  |^$| \.\.\. ok$' "$log" |
            sed 's/^/    /'
        faults+=("$name: see $log")
        return 1
    fi
}

# usage: skipped_in CTEST-OUTPUT CTEST-LOG
# One line for each test that was skipped, with its reason, and for each part of a test that cmocka or
# Python's unittest skipped. A test gives the reason on a line "skipped: ...".
skipped_in() {
    awk '
        FNR == NR {
            if (/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: .*\*\*\*Skipped /) {
                sub(/^.*#[0-9]+: /, "")
                sub(/ .*/, "")
                whole[$0] = 1
            }
            next
        }
        /^[0-9]+\/[0-9]+ Testing: / { test = $3; reason = ""; listing = 0 }
        /^[Ss]kip(ped)?: / { reason = $0; sub(/^[^:]*: */, "", reason) }
        /^<end of output>/ && whole[test] { print test ": " (reason ? reason : "no reason given") }
        whole[test] { next }
        /^\[ RUN / { reason = "" }
        /^\[  SKIPPED \] .* listed below/ { listing = 1 }
        /^\[  SKIPPED \] / && !listing { print test ", " $4 ": " (reason ? reason : "no reason given") }
        / \.\.\. skipped / { part = $1; sub(/^.* \.\.\. skipped /, ""); print test ", " part ": " $0 }
    ' "$1" "$2"
}

# usage: build NAME BUILD CMAKE-ARGUMENTS...   Configures and builds.
build() {
    local name=$1 build=$2
    shift 2
    step "$name" build_quietly "$build" "$@"
}
build_quietly() {
    local build=$1
    shift
    cmake -S . -B "$build" "$@" && cmake --build "$build" -j "$jobs"
}

# Prints the end of a script and sets its exit code.
summary() {
    local line
    printf '\n'
    if [ "${#skips[@]}" -gt 0 ]; then
        printf 'Skipped:\n'
        printf '  %s\n' "${skips[@]}"
    fi
    if [ "${#faults[@]}" -gt 0 ]; then
        printf 'Failed:\n'
        printf '  %s\n' "${faults[@]}"
    fi
    if [ -z "${INKLING_DATA:-}" ]; then
        printf 'INKLING_DATA is not set: tests on data that is not in the repository did not run.\n'
    fi
    printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}
