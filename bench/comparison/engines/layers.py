"""Networks as the peers get them, from the ONNX file that `inkling convert` wrote.

`chain` gives a network of convolutions, max pools and dense layers as a list, for engines that are handed layers one
by one; `module` gives any network as a PyTorch module.

usage: layers.py chain MODEL.onnx OUT.layers    for onednn_engine.cpp: lines, `data`, floats
       layers.py trace MODEL.onnx OUT.pt        a TorchScript archive
"""

import sys


class Unsupported(Exception):
    """The engine has no such layer, or this comparison does not know how it is called there."""


class Node:
    """A node of an ONNX file, with its attributes as Python values."""

    def __init__(self, node, onnx):
        self.op, self.inputs, self.output = node.op_type, list(node.input), node.output[0]
        self.attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}

    def get(self, key, default):
        return self.attributes.get(key, default)


def read(path):
    """Nodes, weights by name, the input's shape without the batch, its name."""
    import onnx
    import onnx.numpy_helper
    graph = onnx.load(path).graph
    weights = {t.name: onnx.numpy_helper.to_array(t).copy() for t in graph.initializer}
    given = [v for v in graph.input if v.name not in weights][0]
    shape = [d.dim_value for d in given.type.tensor_type.shape.dim][1:]
    return [Node(node, onnx) for node in graph.node], weights, shape, given.name


# ---- as a list ----

def window(node):
    """Kernel, stride, padding before, padding behind; each height and width."""
    kernel = node.get("kernel_shape", [1, 1])
    pads = node.get("pads", [0, 0, 0, 0])
    if node.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID") or node.get("ceil_mode", 0):
        raise Unsupported("%s with auto_pad or ceil_mode" % node.op)
    return {"kernel": list(kernel), "stride": list(node.get("strides", [1, 1])), "before": pads[:2], "after": pads[2:]}


def sizes(shape, layer):
    return [(n + b + a - k) // s + 1 for n, k, s, b, a in
            zip(shape[1:], layer["kernel"], layer["stride"], layer["before"], layer["after"])]


def dense(node, weights, numpy):
    """weight [out, in], bias."""
    weight = weights.get(node.inputs[1])
    if weight is None or node.get("transA", 0) or node.get("alpha", 1.0) != 1 or node.get("beta", 1.0) != 1:
        raise Unsupported("a product of two values")
    weight = weight if node.op == "Gemm" and node.get("transB", 0) else weight.T
    bias = weights[node.inputs[2]] if len(node.inputs) > 2 else numpy.zeros(len(weight), numpy.float32)
    return numpy.ascontiguousarray(weight, numpy.float32), bias.reshape(-1).astype(numpy.float32)


def chain(path):
    """The input's shape and a list of layers. A value lies channels first when it is flattened: where the file has it
    channels last, the columns of the dense layer are brought to that order."""
    import numpy
    nodes, weights, shape, last = read(path)
    source, layers, columns = list(shape), [], None
    for node in nodes:
        if node.inputs[0] != last:
            raise Unsupported("a network that is no chain")
        last, before = node.output, layers[-1] if layers else None
        if node.op == "Conv":
            if node.get("group", 1) != 1 or max(node.get("dilations", [1])) != 1:
                raise Unsupported("groups or dilation")
            weight = weights[node.inputs[1]].astype(numpy.float32)
            bias = weights[node.inputs[2]] if len(node.inputs) > 2 else numpy.zeros(len(weight), numpy.float32)
            layers.append(dict(window(node), kind="conv", weight=weight, bias=bias.astype(numpy.float32), relu=0))
            shape = [len(weight)] + sizes(shape, layers[-1])
        elif node.op == "MaxPool":
            layers.append(dict(window(node), kind="pool"))
            shape = [shape[0]] + sizes(shape, layers[-1])
        elif node.op == "GlobalMaxPool":
            layers.append({"kind": "pool", "kernel": shape[1:], "stride": [1, 1], "before": [0, 0], "after": [0, 0]})
            shape = [shape[0], 1, 1]
        elif node.op in ("Gemm", "MatMul"):
            weight, bias = dense(node, weights, numpy)
            if columns is not None:
                weight = numpy.ascontiguousarray(weight[:, columns])
                columns = None
            layers.append({"kind": "dense", "weight": weight, "bias": bias, "relu": 0})
            shape = [len(weight)]
        elif node.op == "Relu" and before and before.get("relu") == 0:
            before["relu"] = 1
        elif node.op == "Relu" and before and before["kind"] == "pool" and layers[-2].get("relu") is not None:
            layers[-2]["relu"] = 1 # the larger of two comes before or behind alike
        elif node.op == "Transpose" and node.get("perm", []) == [0, 2, 3, 1] and columns is None:
            places = numpy.arange(numpy.prod(shape)).reshape(shape[1], shape[2], shape[0])
            columns = numpy.ascontiguousarray(places.transpose(2, 0, 1)).reshape(-1)
        elif node.op in ("Flatten", "Reshape", "Dropout"):
            pass
        elif node.op == "Softmax":
            layers.append({"kind": "softmax"})
        else:
            raise Unsupported(node.op)
    if columns is not None:
        raise Unsupported("Transpose")
    return source, layers


def write_chain(path, out):
    source, layers = chain(path)
    lines, data = ["input %d %d %d" % tuple(source)], []
    for layer in layers:
        words = [layer["kind"]]
        if "weight" in layer:
            words += layer["weight"].shape[:2]
            data += [layer["weight"], layer["bias"]]
        if "kernel" in layer:
            words += layer["kernel"] + layer["stride"] + layer["before"] + layer["after"]
        if "relu" in layer:
            words.append(layer["relu"])
        lines.append(" ".join(map(str, words)))
    with open(out, "wb") as file:
        file.write(("\n".join(lines) + "\ndata\n").encode())
        for array in data:
            file.write(array.tobytes())


# ---- as a PyTorch module ----

def module(path):
    """A module that computes what the file says; traced, it has no trace of ONNX left."""
    import torch
    nodes, weights, shape, name = read(path)
    functional = torch.nn.functional

    def pads(x, node, value=0.0):
        """The input padded as the node says, where PyTorch's own padding cannot, and what it still has to do."""
        given = list(node.get("pads", [0, 0, 0, 0]))
        if given[:2] == given[2:]:
            return x, given[:2]
        return functional.pad(x, (given[1], given[3], given[0], given[2]), value=value), [0, 0]

    def pool(x, node):
        kernel, stride = node.get("kernel_shape", []), node.get("strides", [1, 1])
        if node.op == "MaxPool":
            x, padding = pads(x, node, float("-inf"))
            return functional.max_pool2d(x, kernel, stride, padding, 1, bool(node.get("ceil_mode", 0)))
        if max(node.get("pads", [0])):
            raise Unsupported("AveragePool with padding")
        return functional.avg_pool2d(x, kernel, stride)

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.tensors = torch.nn.ParameterDict()
            self.keys = {key: "w%d" % i for i, key in enumerate(weights)}
            for key, array in weights.items():
                if array.dtype.kind == "f":
                    self.tensors[self.keys[key]] = torch.nn.Parameter(torch.from_numpy(array), requires_grad=False)

        def weight(self, node, i):
            return self.tensors[self.keys[node.inputs[i]]] if len(node.inputs) > i and node.inputs[i] else None

        def forward(self, picture):
            values = {name: picture}
            for node in nodes:
                values[node.output] = self.compute(node, values)
            return values[nodes[-1].output]

        def compute(self, node, values):
            x = values[node.inputs[0]]
            if node.op == "Conv":
                x, padding = pads(x, node)
                return functional.conv2d(x, self.weight(node, 1), self.weight(node, 2), node.get("strides", [1, 1]),
                                         padding, node.get("dilations", [1, 1]), node.get("group", 1))
            if node.op == "Gemm":
                weight = self.weight(node, 1)
                return functional.linear(x, weight if node.get("transB", 0) else weight.t(), self.weight(node, 2))
            if node.op == "BatchNormalization":
                return functional.batch_norm(x, self.weight(node, 3), self.weight(node, 4), self.weight(node, 1),
                                             self.weight(node, 2), eps=node.get("epsilon", 1e-5))
            if node.op in ("MaxPool", "AveragePool"):
                return pool(x, node)
            if node.op in ("Add", "Sum"):
                for key in node.inputs[1:]:
                    x = x + (values[key] if key in values else self.tensors[self.keys[key]])
                return x
            if node.op == "MatMul":
                return x @ self.weight(node, 1)
            if node.op == "Reshape":
                sizes = [int(n) for n in weights[node.inputs[1]]]
                return x.reshape([-1] + sizes[1:]) if sizes[0] in (0, -1, 1) else x.reshape(sizes)
            if node.op == "Transpose":
                return x.permute(node.get("perm", []))
            if node.op == "Concat":
                return torch.cat([values[key] for key in node.inputs], node.get("axis", 1))
            simple = {
                "Relu": functional.relu, "Sigmoid": torch.sigmoid, "Tanh": torch.tanh, "Dropout": lambda x: x,
                "Gelu": functional.gelu, "Flatten": lambda x: torch.flatten(x, 1),
                "LeakyRelu": lambda x: functional.leaky_relu(x, node.get("alpha", 0.01)),
                "Elu": lambda x: functional.elu(x, node.get("alpha", 1.0)),
                "Softmax": lambda x: torch.softmax(x, -1), "LogSoftmax": lambda x: torch.log_softmax(x, -1),
                "GlobalAveragePool": lambda x: x.mean((2, 3), keepdim=True),
                "GlobalMaxPool": lambda x: functional.adaptive_max_pool2d(x, 1),
            }
            if node.op not in simple:
                raise Unsupported(node.op)
            return simple[node.op](x)

    return Network().eval(), shape


def write_trace(path, out):
    import torch
    network, shape = module(path)
    with torch.no_grad():
        torch.jit.save(torch.jit.trace(network, torch.zeros([2] + shape), check_trace=False), out)


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("chain", "trace"):
        sys.exit(__doc__)
    try:
        (write_chain if sys.argv[1] == "chain" else write_trace)(sys.argv[2], sys.argv[3])
    except Unsupported as why:
        sys.exit("not supported: %s" % why)


if __name__ == "__main__":
    main()
