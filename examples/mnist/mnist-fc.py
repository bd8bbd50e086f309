# %% [markdown]
# # A fully connected network for MNIST with PyTorch
#
# 784 - 500 - 10, a rectifier in between. It is trained in a minute and saved as a state_dict, which inkling converts:
#
# ```sh
# inkling convert mnist_model.state_dict fc.gguf
# python3 convert-h5-to-ggml.py mnist_model.state_dict    # ggml's older binary format
# ```

# %%
import gzip
import os
import pathlib
import struct
import urllib.request

import numpy as np
import torch
from torch import nn

# %% [markdown]
# ## Data
#
# The four files of MNIST, from the folder that `MNIST` names or downloaded.

# %%
FOLDER = pathlib.Path(os.environ.get("MNIST", "mnist"))
MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"


def load(name):
    """An IDX file of bytes as an array."""
    for path in (FOLDER / name, FOLDER / name.replace("-idx", ".idx"), FOLDER / (name + ".gz")):
        if path.exists():
            break
    else:
        FOLDER.mkdir(parents=True, exist_ok=True)
        urllib.request.urlretrieve(MIRROR + name + ".gz", path)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    rank = data[3]
    shape = struct.unpack(">%dI" % rank, data[4:4 + 4 * rank])
    return torch.from_numpy(np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(shape).copy())


train_x, train_y = load("train-images-idx3-ubyte"), load("train-labels-idx1-ubyte").long()
test_x, test_y = load("t10k-images-idx3-ubyte"), load("t10k-labels-idx1-ubyte").long()


def pictures(bytes_):
    """What the network takes: pixel / 255."""
    return bytes_.float().flatten(1) / 255


# %% [markdown]
# ## The network

# %%
class Net(nn.Module):
    def __init__(self, pixels=784, hidden=500, classes=10):
        super().__init__()
        self.fc1 = nn.Linear(pixels, hidden)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))


# %% [markdown]
# ## Training

# %%
torch.manual_seed(1)
net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
epochs, batch = int(os.environ.get("EPOCHS", "5")), 100
for epoch in range(epochs):
    order = torch.randperm(len(train_x))
    total = 0.0
    for first in range(0, len(order), batch):
        chosen = order[first:first + batch]
        loss = nn.functional.cross_entropy(net(pictures(train_x[chosen])), train_y[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(chosen)
    print("epoch %d of %d, loss %.4f" % (epoch + 1, epochs, total / len(order)))

# %% [markdown]
# ## Accuracy, and the file

# %%
with torch.no_grad():
    correct = (net(pictures(test_x)).argmax(1) == test_y).sum().item()
print("accuracy of the network on the %d test images: %.2f %%" % (len(test_y), 100 * correct / len(test_y)))

torch.save(net.state_dict(), "mnist_model.state_dict")
print("saved mnist_model.state_dict")
