"""ggml, by its C interface: what its MNIST example does, in float32, with a pool of threads that stays.

The environment variable GGML_FOLDER is the folder with libggml-base.so and libggml-cpu.so.
"""

import ctypes
import os

import onnx.numpy_helper # noqa: F401 (layers reads weights with it; it is no part of ggml, and not to be timed)

import layers

F32, MAX_POOL = 0, 0
LIBRARIES = ("libggml-base.so", "libggml-cpu.so", "libggml.so")


class InitParams(ctypes.Structure):
    _fields_ = [("mem_size", ctypes.c_size_t), ("mem_buffer", ctypes.c_void_p), ("no_alloc", ctypes.c_bool)]


class Plan(ctypes.Structure):
    """struct ggml_cplan; what newer versions append is 0."""
    _fields_ = [("work_size", ctypes.c_size_t), ("work_data", ctypes.c_void_p), ("n_threads", ctypes.c_int),
                ("threadpool", ctypes.c_void_p), ("later", ctypes.c_char * 64)]


def interface():
    """A function that calls by name: pointers in and out, integers as 64 bits where ggml has int64_t."""
    folder, found = os.environ["GGML_FOLDER"], {}
    libraries = [ctypes.CDLL(os.path.join(folder, name), mode=ctypes.RTLD_GLOBAL) for name in LIBRARIES]
    others = {"ggml_graph_plan": Plan, "ggml_graph_compute": ctypes.c_int, "ggml_version": ctypes.c_char_p,
              "ggml_gallocr_alloc_graph": ctypes.c_bool, "ggml_nelements": ctypes.c_int64,
              "ggml_cpu_has_avx2": ctypes.c_int, "ggml_cpu_has_avx512": ctypes.c_int,
              "ggml_cpu_has_llamafile": ctypes.c_int}

    def call(name, *arguments):
        if name not in found:
            for library in libraries:
                if hasattr(library, name):
                    found[name] = getattr(library, name)
                    found[name].restype = others.get(name, ctypes.c_void_p)
        return found[name](*arguments)

    return call


def pointer(value):
    return ctypes.c_void_p(value)


class Engine:
    def __init__(self, setup):
        self.setup, self.ggml = setup, interface()
        self.version = self.ggml("ggml_version").decode()
        extras = [name for name in ("avx2", "avx512", "llamafile") if self.ggml("ggml_cpu_has_" + name)]
        self.version += " (%s)" % ", ".join(extras)

    def context(self, size, no_alloc):
        made = self.ggml("ggml_init", InitParams(size, None, no_alloc))
        if not made:
            raise MemoryError("ggml_init")
        return pointer(made)

    def open(self):
        """The weights, each as a tensor of its own memory."""
        self.source, self.layers = layers.chain(self.setup.model)
        size = sum(layer[key].nbytes + 1024 for layer in self.layers for key in ("weight", "bias") if key in layer)
        context = self.context(size + 4096, False)
        for layer in self.layers:
            if "weight" in layer:
                bias = layer["bias"].reshape(-1, *([1, 1] if layer["kind"] == "conv" else []))
                layer["tensors"] = [self.tensor(context, layer["weight"]), self.tensor(context, bias)]
        self.ggml("ggml_cpu_init")
        params = ctypes.create_string_buffer(4096) # struct ggml_threadpool_params
        self.ggml("ggml_threadpool_params_init", params, self.setup.threads)
        self.pool = pointer(self.ggml("ggml_threadpool_new", params))
        self.plans = {}

    def empty(self, context, shape):
        """ggml lists dimensions fastest first."""
        sizes = (ctypes.c_int64 * len(shape))(*reversed(shape))
        return pointer(self.ggml("ggml_new_tensor", context, F32, len(shape), sizes))

    def tensor(self, context, array):
        made = self.empty(context, array.shape)
        ctypes.memmove(self.ggml("ggml_get_data", made), array.ctypes.data, array.nbytes)
        return made

    def variants(self, batch):
        return ["im2col", "direct"] if any(layer["kind"] == "conv" for layer in self.layers) else ["f32"]

    def add(self, context, layer, x, batch, variant):
        def op(name, *arguments):
            return pointer(self.ggml(name, context, *arguments))

        if layer["kind"] == "softmax":
            return op("ggml_soft_max", x)
        if layer["kind"] == "pool":
            (kh, kw), (sh, sw), (ph, pw) = layer["kernel"], layer["stride"], layer["before"]
            if layer["before"] != layer["after"]:
                raise layers.Unsupported("a pool that pads on one side")
            return op("ggml_pool_2d", x, MAX_POOL, kw, kh, sw, sh, ctypes.c_float(pw), ctypes.c_float(ph))
        weight, bias = layer["tensors"]
        if layer["kind"] == "conv":
            (sh, sw), (ph, pw) = layer["stride"], layer["before"]
            if layer["before"] != layer["after"]:
                raise layers.Unsupported("a convolution that pads on one side")
            name = "ggml_conv_2d_direct" if variant == "direct" else "ggml_conv_2d"
            x = op(name, weight, x, sw, sh, pw, ph, 1, 1)
        else:
            inputs = layer["weight"].shape[1]
            x = op("ggml_mul_mat", weight, op("ggml_reshape_2d", x, ctypes.c_int64(inputs), ctypes.c_int64(batch)))
        x = op("ggml_add", x, bias)
        return op("ggml_relu", x) if layer["relu"] else x

    def plan(self, variant, batch):
        """A graph whose values share memory where they do not live at the same time."""
        context = self.context(1 << 20, True)
        given = self.empty(context, [batch] + self.source)
        self.ggml("ggml_set_input", given)
        last = given
        for layer in self.layers:
            last = self.add(context, layer, last, batch, variant)
        self.ggml("ggml_set_output", last)
        graph = pointer(self.ggml("ggml_new_graph", context))
        self.ggml("ggml_build_forward_expand", graph, last)
        allocator = pointer(self.ggml("ggml_gallocr_new", pointer(self.ggml("ggml_backend_cpu_buffer_type"))))
        if not self.ggml("ggml_gallocr_alloc_graph", allocator, graph):
            raise MemoryError("ggml_gallocr_alloc_graph")
        plan = self.ggml("ggml_graph_plan", graph, self.setup.threads, self.pool)
        work = ctypes.create_string_buffer(max(plan.work_size, 1))
        plan.work_data = ctypes.addressof(work)
        return graph, plan, work, given, last

    def prepare(self, variant, batch):
        if (variant, batch) not in self.plans:
            self.plans[variant, batch] = self.plan(variant, batch)
        graph, plan, _, given, last = self.plans[variant, batch]
        numpy, slices = self.setup.numpy, [part.ctypes.data for part in self.setup.slices(batch)]
        size = self.setup.pictures[:batch].nbytes
        to, found = self.ggml("ggml_get_data", given), self.ggml("ggml_get_data", last)
        count, compute, copy, plan = self.ggml("ggml_nelements", last), self.ggml, ctypes.memmove, ctypes.byref(plan)

        def call(i):
            copy(to, slices[i], size)
            if compute("ggml_graph_compute", graph, plan):
                raise RuntimeError("ggml_graph_compute")

        def answers():
            return numpy.ctypeslib.as_array((ctypes.c_float * count).from_address(found)).reshape(batch, -1).copy()

        return call, answers
