#!/usr/bin/env bash
# Types what the readers of ggml's MNIST document type, from its first block to its last, in a copy of the tree that has
# no build folder. Only `git clone` and `cd ggml` differ; the web demo's line is not here. EPOCHS (1) is how long Keras
# trains. Environment: INKLING_DATA, whose mnist/ has the data. Exit code 77: skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
data=${INKLING_DATA:-}/mnist
if [ ! -e "$data/t10k-images-idx3-ubyte.gz" ]; then
    printf 'skipped: INKLING_DATA is not set, MNIST is needed\n'
    exit 77
fi

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
tar -c --exclude=./build --exclude=./.git . | tar -x -C "$place"
cd "$place"
for name in train-images-idx3 train-labels-idx1 t10k-images-idx3 t10k-labels-idx1; do
    gzip -dc "$data/$name-ubyte.gz" > "examples/mnist/models/mnist/${name/-idx/.idx}-ubyte"
done
export EPOCHS=${EPOCHS:-1}

# ---- "Python environment setup and build the examples" ----

python3 -m venv ggml_env
# shellcheck source=/dev/null
source ./ggml_env/bin/activate
if ! pip install -q -r requirements.txt; then
    printf 'skipped: pip cannot install requirements.txt\n'
    exit 77
fi
mkdir build && cd build
cmake ..
make -j4 mnist-cnn mnist

# ---- "MNIST with CNN" ----

python3 ../examples/mnist/mnist-cnn.py train mnist-cnn-model | tee train.out
python3 ../examples/mnist/mnist-cnn.py convert mnist-cnn-model | tee convert.out
./bin/mnist-cnn mnist-cnn-model.gguf ../examples/mnist/models/mnist/t10k-images.idx3-ubyte 2>&1 | tee run.out

grep -qxF "Keras model saved to 'mnist-cnn-model'" train.out
grep -qxF "Model converted and saved to 'mnist-cnn-model.gguf'" convert.out
grep -qE '^main: loaded model in +[0-9.]+ ms$' run.out
grep -qE '^main: predicted digit is [0-9]$' run.out
grep -qF 'dot -Tpng mnist-cnn.dot -o mnist-cnn.dot.png && open mnist-cnn.dot.png' run.out
test -s mnist-cnn.dot
# and the conversion gives what Keras gave
TF_CPP_MIN_LOG_LEVEL=2 python3 - <<'END'
import os
import sys

import numpy as np

sys.path.insert(0, "../examples/mnist")
import mnist_data

import keras

os.link("mnist-cnn-model", "reference.keras")
pictures = mnist_data.load()[1][0][:200]
np.save("reference.npy", keras.saving.load_model("reference.keras").predict(pictures[..., None] / 255, verbose=0))
END
./bin/inkling convert mnist-cnn-model proved.gguf --reference reference.npy \
    --verify ../examples/mnist/models/mnist/t10k-images.idx3-ubyte \
    --labels ../examples/mnist/models/mnist/t10k-labels.idx1-ubyte

# ---- "MNIST with fully connected network" ----

mkdir -p models/mnist
python3 ../examples/mnist/convert-h5-to-ggml.py ../examples/mnist/models/mnist/mnist_model.state_dict
./bin/mnist ./models/mnist/ggml-model-f32.bin ../examples/mnist/models/mnist/t10k-images.idx3-ubyte 2>&1 | tee fc.out
grep -qE 'predicted digit is [0-9]' fc.out
test -s models/mnist/ggml-model-f32.bin

# ---- the notebook is its twin ----

python3 ../examples/mnist/make-notebook.py | cmp - ../examples/mnist/mnist-fc.ipynb
