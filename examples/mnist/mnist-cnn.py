#!/usr/bin/env python3
"""A convolutional network for MNIST with Keras, and its conversion to GGUF.

usage: mnist-cnn.py train NAME      trains, and saves a Keras archive as the file NAME
       mnist-cnn.py convert NAME    writes NAME.gguf, by `inkling convert`

The network is the one of Keras' example "Simple MNIST convnet": two convolutions of 32 and 64, each with a 2x2
max-pool, dropout, one dense layer. EPOCHS in the environment says for how long it is trained; 15 epochs read about
99 % of the test set.
"""

import os
import sys

from inkling_program import inkling


def train(name):
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import numpy as np
    from keras import layers

    import mnist_data

    def pictures(bytes_):
        return bytes_.astype(np.float32)[..., np.newaxis] / 255

    (train_x, train_y), (test_x, test_y) = mnist_data.load()
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        layers.Input((28, 28, 1)),
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(10, activation="softmax"),
    ])
    model.summary()
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    model.fit(pictures(train_x), train_y, batch_size=128, epochs=int(os.environ.get("EPOCHS", "15")),
              validation_split=0.1, verbose=2)
    loss, accuracy = model.evaluate(pictures(test_x), test_y, verbose=0)
    print("Test loss:", loss)
    print("Test accuracy:", accuracy)
    # Keras wants the suffix; the file is to have the name that was given, and never half of it.
    temporary = name + ".part.keras"
    model.save(temporary)
    os.replace(temporary, name)
    print("Keras model saved to '%s'" % name)


def convert(name):
    inkling("convert", name, name + ".gguf")
    print("Model converted and saved to '%s.gguf'" % name)


def main(arguments):
    actions = {"train": train, "convert": convert}
    if len(arguments) != 2 or arguments[0] not in actions:
        sys.exit(__doc__.strip())
    actions[arguments[0]](arguments[1])


main(sys.argv[1:])
