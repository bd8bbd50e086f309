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
skips=()  # what was skipped<tab>why
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
        skips+=("$name"$'\t'"${reason#skipped: }")
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
    while IFS= read -r line; do
        absent=$((absent + 1))
        skips+=("$line")
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
# "TEST<tab>REASON" for each test that was skipped, and for each part of a test that cmocka or Python's
# unittest skipped. A test gives the reason on a line "skipped: ...".
skipped_in() {
    awk '
        function skip(part) { print test part "\t" (reason ? reason : "no reason given") }
        summary {
            if (/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: .*\*\*\*Skipped /) {
                sub(/^.*#[0-9]+: /, "")
                sub(/ .*/, "")
                whole[$0] = 1
            }
            next
        }
        /^[0-9]+\/[0-9]+ Testing: / { test = $3; reason = ""; listing = 0 }
        /^[Ss]kip(ped)?: / { reason = $0; sub(/^[^:]*: */, "", reason) }
        /^<end of output>/ && whole[test] { skip("") }
        whole[test] { next }
        # cmocka
        /^\[ RUN / { reason = "" }
        /^\[  SKIPPED \] .* listed below/ { listing = 1 }
        /^\[  SKIPPED \] / && !listing { skip(", " $4) }
        # unittest: test_part (...) ... skipped "reason", maybe with the first line of a comment between
        /^[A-Za-z_]+ \([^ ]*\)/ { part = $1 }
        / \.\.\. skipped / {
            reason = $0
            sub(/^.* \.\.\. skipped ./, "", reason)
            sub(/.$/, "", reason)
            skip(", " part)
        }
    ' summary=1 "$1" summary=0 "$2"
}

# usage: build NAME BUILD CMAKE-ARGUMENTS...   Configures and builds. What CMake says cannot be
# tested counts as skipped.
build() {
    local name=$1 build=$2 line
    shift 2
    step "$name" build_quietly "$build" "$@" || return 1
    while IFS= read -r line; do
        skipped=$((skipped + 1))
        skips+=("$name"$'\t'"${line#-- Not tested: }")
    done < <(grep '^-- Not tested: ' "$(log_of "$name")")
}
build_quietly() {
    local build=$1
    shift
    cmake -S . -B "$build" "$@" && cmake --build "$build" -j "$jobs"
}

# Prints the end of a script and sets its exit code.
summary() {
    printf '\n'
    if [ "${#skips[@]}" -gt 0 ]; then
        printf 'Skipped:\n'
        printf '%s\n' "${skips[@]}" | awk -F '\t' '
            !count[$2]++ { order[++reasons] = $2; first[$2] = $1 }
            END {
                for (i = 1; i <= reasons; i++) {
                    reason = order[i]
                    others = count[reason] - 1
                    printf "  %s: %s%s\n", reason, first[reason],
                        others ? " and " others " more" : ""
                }
            }'
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
