#!/usr/bin/env bash
# Makes tests/golden again with the PyTorch that is here, compares, and replays what came out.
# The networks and their inputs do not depend on PyTorch and must be the same byte for byte; outputs may
# differ in the last bit from another version's, and are then compared by the test program.
# Environment: INKLING_BIN, the folder of the programs; INKLING_PYTHON, a Python with torch and gguf.
# Exit code 77: skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${INKLING_PYTHON:-python3}
program=${INKLING_BIN:-build/test/bin}/../tests/test_golden
if ! "$python" -c 'import gguf, numpy, torch' 2> /dev/null; then
    printf 'skipped: %s has no torch and gguf (scripts/test-full makes an environment with them)\n' "$python"
    exit 77
fi
if [ ! -x "$program" ]; then
    printf 'skipped: no %s (it needs cmocka)\n' "$program"
    exit 77
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$python" scripts/make-golden.py -o "$folder"
"$python" scripts/make-golden-gradients.py -o "$folder"

faults=0
outputs=0
for file in tests/golden/*; do
    name=$(basename "$file")
    case $name in
    README.md | onnx) continue ;; # onnxruntime's: scripts/make-golden-onnx.py
    esac
    if cmp -s "$file" "$folder/$name"; then
        continue
    fi
    case $name in
    *.output.f32 | *.probs.f32 | *.gradients.f32)
        [ -e "$folder/$name" ] || faults=$((faults + 1))
        outputs=$((outputs + 1))
        printf 'differs, to be replayed: %s\n' "$name"
        ;;
    *)
        faults=$((faults + 1))
        printf 'DIFFERS: %s\n' "$name"
        ;;
    esac
done
for file in "$folder"/*; do
    if [ ! -e "tests/golden/$(basename "$file")" ]; then
        faults=$((faults + 1))
        printf 'NEW: %s\n' "$(basename "$file")"
    fi
done

INKLING_GOLDEN=$folder "$program"
INKLING_GOLDEN=$folder "${program}_gradients"
printf '%d files, %d outputs differ in bits, %d faults\n' "$(find "$folder" -type f | wc -l)" \
    "$outputs" "$faults"
[ "$faults" -eq 0 ]
