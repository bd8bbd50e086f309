"""OpenVINO, on the CPU: the batch fixed, float32 (it would take bfloat16 where the processor has it)."""


class Engine:
    def __init__(self, setup):
        import openvino
        self.openvino, self.setup, self.compiled = openvino, setup, {}
        self.version = openvino.__version__.split("-")[0]
        self.core = openvino.Core()

    def compile(self, batch, streams):
        if (batch, streams) not in self.compiled:
            model = self.core.read_model(self.setup.model)
            model.reshape([batch] + self.setup.shape)
            self.compiled[batch, streams] = self.core.compile_model(model, "CPU", {
                "PERFORMANCE_HINT": "LATENCY" if streams == 1 else "THROUGHPUT", "NUM_STREAMS": str(streams),
                "INFERENCE_NUM_THREADS": self.setup.threads, "INFERENCE_PRECISION_HINT": "f32"})
        return self.compiled[batch, streams]

    def open(self):
        self.compile(1, 1)

    def variants(self, batch):
        streams = self.setup.threads
        return ["infer", "bound"] + (["streams"] if streams > 1 and batch >= 20 and batch % streams == 0 else [])

    def prepare(self, variant, batch):
        if variant == "streams":
            return self.prepare_streams(batch)
        request = self.compile(batch, 1).create_infer_request()
        slices, copy = self.setup.slices(batch), self.setup.numpy.copyto
        place = request.get_input_tensor().data

        def infer(i):
            request.infer([slices[i]], share_inputs=True, share_outputs=True)

        def bound(i):
            copy(place, slices[i])
            request.start_async()
            request.wait()

        return (infer if variant == "infer" else bound), lambda: request.get_output_tensor().data.copy()

    def prepare_streams(self, batch):
        """A part of the batch for each thread, at the same time."""
        numpy, streams = self.setup.numpy, self.setup.threads
        compiled = self.compile(batch // streams, streams)
        requests = [compiled.create_infer_request() for _ in range(streams)]
        parts = [self.openvino.Tensor(part, shared_memory=True) for part in self.setup.slices(batch // streams)]

        def call(i):
            for j, request in enumerate(requests):
                request.set_input_tensor(parts[i * streams + j])
                request.start_async()
            for request in requests:
                request.wait()

        return call, lambda: numpy.concatenate([request.get_output_tensor().data for request in requests])
