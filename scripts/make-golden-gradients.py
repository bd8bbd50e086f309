#!/usr/bin/env python3
"""Make tests/golden/*.gradients.f32: gradients that PyTorch gives for the two networks of the reference document.

The weights are no random numbers but a formula that the test computes too, exact in float32: element i of tensor t
is ((i * 2654435761 + t * 40503) mod 2^32 >> 8) / 2^24 - 1/2, times 1/8 or for biases 1. The batch is the first 64
images of samples/, the loss its mean cross-entropy with a label smoothing of 0.1; dropout is left out.

A file holds, of each tensor in the order of the model's file: the largest gradient by size, then every n-th gradient,
n the smallest for which there are at most 1,000; little-endian float32. All is computed in float64 and then rounded.
"""

import argparse
import pathlib

import numpy as np
import torch
from torch import nn

ROOT = pathlib.Path(__file__).resolve().parent.parent
IMAGES, MOST = 64, 1000


class ChannelsLast(nn.Module):
    """Keras flattens pictures channels last, and so does the document's network."""

    def forward(self, x):
        return x.permute(0, 2, 3, 1).flatten(1)


NETWORKS = {
    "fc": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 500), nn.ReLU(), nn.Linear(500, 10)),
    "cnn": lambda: nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(),
                                 nn.MaxPool2d(2), ChannelsLast(), nn.Linear(1600, 10)),
}


def formula(tensor, shape):
    i = np.arange(np.prod(shape), dtype=np.uint64)
    bits = (i * np.uint64(2654435761) + np.uint64(tensor * 40503)) % np.uint64(1 << 32)
    values = (bits >> np.uint64(8)).astype(np.float64) / (1 << 24) - 0.5
    return torch.from_numpy(values * (1 if len(shape) == 1 else 0.125)).reshape(shape)


def idx(name, header):
    return np.frombuffer((ROOT / "samples" / name).read_bytes(), np.uint8)[header:]


def gradients(build):
    net = build().double()
    with torch.no_grad():
        for tensor, parameter in enumerate(net.parameters()):
            parameter.copy_(formula(tensor, tuple(parameter.shape)))
    pixels = idx("digits-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:IMAGES]
    # As the network gets them: bytes times 1/255, both in float32.
    x = torch.from_numpy((pixels.astype(np.float32) * np.float32(1 / 255)).astype(np.float64))
    y = torch.from_numpy(idx("digits-labels-idx1-ubyte", 8)[:IMAGES].astype(np.int64))
    nn.CrossEntropyLoss(label_smoothing=0.1)(net(x), y).backward()
    for parameter in net.parameters():
        values = parameter.grad.flatten()
        step = (values.numel() + MOST - 1) // MOST
        yield torch.cat([values.abs().max().reshape(1), values[::step]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("-o", "--output", metavar="DIR", type=pathlib.Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    for name, build in NETWORKS.items():
        values = torch.cat(list(gradients(build))).numpy().astype("<f4")
        (arguments.output / (name + ".gradients.f32")).write_bytes(values.tobytes())
        print("%s: %d values" % (name, values.size))


main()
