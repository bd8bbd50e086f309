#!/usr/bin/env python3
"""Make tests/golden/onnx/: small ONNX files with what onnxruntime says that they give.

The files are put together with onnx's own helpers, node by node, in the ways in which PyTorch's, Keras' and CNTK's
exporters write them; neither program knows anything of inkling. Weights are random.

  NAME.onnx        the network; its input is "x"
  NAME.onnx.data   weights beside it, for one of them
  NAME.input.f32   inputs, little-endian float32 [5, C, H, W], channels first whatever the network wants
  NAME.output.f32  what it gives for each of them, float32 [5, 10]
"""

import argparse
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

EXAMPLES = """\
examples:
  scripts/make-golden-onnx.py -o tests/golden/onnx

needs Python 3.9 or later, and NumPy, onnx and onnxruntime from PyPI:
  python3 -m venv venv && venv/bin/pip install numpy onnx onnxruntime
"""

IMAGES = 5
random = np.random.RandomState(7)


def weights(*shape):
    scale = 0.5 if len(shape) < 2 else 1 / np.sqrt(np.prod(shape[1:]))
    return (random.standard_normal(shape) * scale).astype(np.float32)


def positive(*shape):
    return (1 + random.random_sample(shape)).astype(np.float32)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value):
    return np.float32(value)


def node(line, **attributes):
    """'Conv x,w,b y' as a node."""
    op, inputs, outputs = line.split(" ")
    return helper.make_node(op, [] if inputs == "-" else inputs.split(","), outputs.split(","), **attributes)


def norm(channels):
    return dict(g=positive(channels), o=weights(channels), m=weights(channels), v=positive(channels))


def network(name, nodes, constants, shape=("N", 2, 8, 8), opset=13, **options):
    return dict(name=name, nodes=nodes, constants=constants, shape=shape, opset=opset, **options)


def networks():
    yield network("pytorch", [
        node("Conv x,conv.weight,conv.bias a", group=2, pads=[1, 0, 2, 3], dilations=[2, 1], strides=[1, 2]),
        node("BatchNormalization a,g,o,m,v b", epsilon=1e-3, momentum=0.9),
        node("Relu b c"), node("MaxPool c d", kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        node("Shape d s"), node("Gather s,zero n", axis=0), node("Unsqueeze n u", axes=[0]),
        node("Constant - k", value=numpy_helper.from_array(ints(-1))), node("Concat u,k t", axis=0),
        node("Reshape d,t e"), node("Gemm e,fc.weight,fc.bias f", transB=1, alpha=0.5, beta=2.0),
        node("LogSoftmax f y", axis=1)],
        {"conv.weight": weights(4, 1, 3, 3), "conv.bias": weights(4), **norm(4), "zero": np.int64(0),
         "fc.weight": weights(10, 4 * 4 * 3), "fc.bias": weights(10)}, opset=11)
    yield network("keras", [
        node("Pad x,p a"), node("Transpose a b", perm=[0, 3, 1, 2]),
        node("Conv b,w,c1 c", auto_pad="SAME_UPPER", strides=[2, 2]), node("LeakyRelu c d", alpha=0.2),
        node("AveragePool d e", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER"),
        node("Transpose e f", perm=[0, 2, 3, 1]), node("Reshape f,s h"), node("MatMul h,w2 i"), node("Add i,b2 j"),
        node("Softmax j y")],
        dict(p=ints(0, 1, 2, 0, 0, 1, 1, 0), w=weights(4, 3, 4, 3), c1=weights(4), s=ints(-1, 36), w2=weights(36, 10),
             b2=weights(10)), shape=("N", 8, 8, 3))
    yield network("cntk", [
        node("Reshape w2,s2 w3"), node("Conv x,w a", auto_pad="SAME_UPPER"), node("Add a,b c"), node("Relu c d"),
        node("MaxPool d e", kernel_shape=[3, 3], strides=[3, 3]), node("Reshape e,s f"), node("MatMul f,w3 h"),
        node("Add h,b2 y")],
        dict(w=weights(6, 2, 5, 5), b=weights(6, 1, 1), s=ints(1, 24), w2=weights(6, 2, 2, 10), s2=ints(24, 10),
             b2=weights(1, 10)), shape=(1, 2, 8, 8), opset=8, reverse=True, listed=True, typed=True)
    yield network("arithmetic", [
        node("Sub x,mean a"), node("Div a,std b"), node("Mul b,full c"), node("Sub one,c d"), node("Neg d e"),
        node("Mul five,e f"), node("Clip f,zero,six h"), node("HardSigmoid f i"), node("Selu f j"),
        node("PRelu f,slope k"),
        node("Max f,zero l"), node("Add column,f m"), node("Elu m n", alpha=0.5), node("PRelu f,fifth o"),
        node("Sum h,i,j,k,l,n,o p"), node("Concat p,x q", axis=1), node("Tanh q r"), node("Sigmoid r t"),
        node("Flatten t u"), node("Mul u,row v"), node("MatMul v,w y")],
        dict(mean=weights(2, 1, 1), std=positive(1, 2, 1, 1), full=positive(2, 8, 8), one=scalar(1), five=scalar(5),
             zero=scalar(0), six=scalar(6), slope=weights(2, 1, 1), column=weights(8, 1), fifth=np.float32([0.2]),
             row=positive(256), w=weights(256, 10)))
    yield network("reductions", [
        node("ReduceMean x,hw a", keepdims=0), node("ReduceMax x,ch b", keepdims=0), node("ReduceMean x,h c"),
        node("ReduceMax c,w1 d", keepdims=0), node("Flatten b e"), node("Flatten d f"), node("Concat a,e,f k", axis=1),
        node("Gemm k,w i"), node("Dropout i,ratio j"), node("Identity j y")],
        dict(hw=ints(-1, 2), ch=ints(1), h=ints(2), w1=ints(-1), w=weights(2 + 64 + 2, 10),
             ratio=scalar(0.5)), opset=18)
    for opset in (11, 13):
        softmaxes = [node("%s x %s%d" % (op, op, axis), axis=axis)
                     for op in ("Softmax", "LogSoftmax") for axis in (1, 2, 3)]
        yield network("softmax-%d" % opset, softmaxes + [
            node("Sum %s a" % ",".join(n.output[0] for n in softmaxes)), node("Flatten a b"), node("MatMul b,w y")],
            dict(w=weights(128, 10)), opset=opset)
    pools = [("%sPool" % kind, kernel, stride, pad, ceil) for kind in ("Max", "Average") for ceil in (0, 1)
             for kernel, stride, pad in ((3, 2, 1), (2, 2, 0), (3, 3, 0), (2, 1, 0))]
    chain = [node("%s x p%d" % (p[0], i), kernel_shape=[p[1]] * 2, strides=[p[2]] * 2, pads=[p[3]] * 4, ceil_mode=p[4],
                  **(dict(count_include_pad=i % 2) if p[0] == "AveragePool" else {})) for i, p in enumerate(pools)]
    yield network("pools", chain + [node("Flatten p%d f%d" % (i, i)) for i in range(len(pools))] + [
        node("Concat %s a" % ",".join("f%d" % i for i in range(len(pools))), axis=1), node("MatMul a,w y")],
        dict(w=None), opset=19)
    yield network("shuffle", [
        node("Reshape x,s a"), node("Transpose a b", perm=[0, 2, 1, 3, 4]), node("Reshape b,s2 c"),
        node("Conv c,w d", group=2),
        node("GlobalAveragePool d e"), node("GlobalMaxPool d f"), node("Concat e,f h", axis=1), node("Squeeze h,ax i"),
        node("Gemm i,w2 y")],
        dict(s=ints(0, 2, 3, 5, 5), s2=ints(0, 6, 5, 5), w=weights(4, 3, 3, 3), ax=ints(2, 3), w2=weights(8, 10)),
        shape=("N", 6, 5, 5))
    yield network("gelu-13", [
        node("Div x,root a"), node("Erf a b"), node("Add b,one c"), node("Mul x,c d"), node("Mul d,half e"),
        node("Mul e,half f"), node("Mul e,inverse h"), node("Erf h i"), node("Add one,i j"), node("Mul f,j k"),
        node("Flatten k l"), node("MatMul l,w y")],
        dict(root=scalar(2**0.5), inverse=scalar(0.5**0.5), one=scalar(1), half=scalar(0.5), w=weights(128, 10)))
    yield network("gelu-20", [
        node("Gelu x a"), node("Gelu a b", approximate="tanh"), node("Flatten b c"), node("MatMul c,w y")],
        dict(w=weights(128, 10)), opset=20)
    yield network("rows", [
        node("MatMul x,w a"), node("Add a,b c"), node("Relu c d"), node("Softmax d e", axis=1), node("Mul e,q f"),
        node("Unsqueeze f,ax h"), node("Conv h,k i"), node("Flatten i j"), node("MatMul j,w2 y")],
        dict(w=weights(9, 6), b=weights(6), q=positive(9, 1), ax=ints(1), k=weights(2, 1, 3, 2), w2=weights(70, 10)),
        shape=("N", 9, 9))
    yield network("types", [
        node("Cast x a", to=TensorProto.DOUBLE), node("Cast a b", to=TensorProto.FLOAT), node("Cast w1 w2", to=1),
        node("Cast w3 w4", to=1), node("Mul w2,w2 w5"), node("Sqrt w5 w6"), node("Div w2,w6 w7"),
        node("Mul w7,gain w8"),
        node("Conv b,w8 c"), node("Flatten c d"), node("Transpose w4 w9", perm=[1, 0]), node("MatMul d,w9 y")],
        dict(w1=positive(3, 2, 3, 3).astype(np.float16), w3=weights(10, 108).astype(np.float64),
             gain=weights(3, 1, 1, 1)))
    yield network("external", [node("Flatten x a"), node("Gemm a,w,b y")], dict(w=weights(64, 10), b=weights(10)),
                  shape=("N", 1, 8, 8), external=True)


def typed_tensor(name, value):
    kind = TensorProto.FLOAT if value.dtype == np.float32 else TensorProto.INT64
    return helper.make_tensor(name, kind, value.shape, value.ravel().tolist())


def build(net):
    constants = {key: np.asarray(value) for key, value in net["constants"].items() if value is not None}
    listed = [helper.make_tensor_value_info(key, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
              for key, value in constants.items()] if net.get("listed") else []
    make = typed_tensor if net.get("typed") else lambda key, value: numpy_helper.from_array(value, key)
    graph = helper.make_graph(
        net["nodes"][::-1] if net.get("reverse") else net["nodes"], net["name"],
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, net["shape"])] + listed,
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, (net["shape"][0], 10))],
        [make(key, value) for key, value in constants.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", net["opset"])], ir_version=8)


def run(model, inputs):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"x": inputs[i:i + 1]})[0] for i in range(len(inputs))])


def write(net, folder):
    channels_last = len(net["shape"]) == 4 and net["shape"][3] < 4
    inputs = random.random_sample((IMAGES,) + net["shape"][1:]).astype(np.float32)
    if net["name"] == "pools":  # the sizes of what is joined are asked of onnxruntime
        del net["nodes"][-1]
        net["nodes"][-1].output[0] = "y"
        net["constants"]["w"] = weights(run(build(net), inputs[:1]).shape[1], 10)
        net["nodes"][-1].output[0] = "a"
        net["nodes"].append(node("MatMul a,w y"))
    model = build(net)
    output = run(model, inputs).reshape(IMAGES, 10)
    if net.get("external"):
        (folder / (net["name"] + ".onnx.data")).unlink(missing_ok=True)
        onnx.save(model, folder / (net["name"] + ".onnx"), save_as_external_data=True, size_threshold=0,
                  location=net["name"] + ".onnx.data")
    else:
        onnx.save(model, folder / (net["name"] + ".onnx"))
    if channels_last:
        inputs = inputs.transpose(0, 3, 1, 2)
    np.ascontiguousarray(inputs).astype("<f4").tofile(folder / (net["name"] + ".input.f32"))
    output.astype("<f4").tofile(folder / (net["name"] + ".output.f32"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path, help="the folder to write to")
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for net in networks():
        write(net, folder)


if __name__ == "__main__":
    main()
