"""onnxruntime, on the CPU: all optimisations, and the batch fixed, which lets it plan its memory."""


class Engine:
    def __init__(self, setup):
        import onnxruntime
        self.runtime, self.setup, self.sessions = onnxruntime, setup, {}
        self.version = onnxruntime.__version__

    def session(self, batch):
        if batch not in self.sessions:
            options = self.runtime.SessionOptions()
            options.intra_op_num_threads = self.setup.threads
            options.inter_op_num_threads = 1
            options.execution_mode = self.runtime.ExecutionMode.ORT_SEQUENTIAL
            options.graph_optimization_level = self.runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
            options.log_severity_level = 3
            options.add_free_dimension_override_by_name("N", batch)
            self.sessions[batch] = self.runtime.InferenceSession(self.setup.model, options,
                                                                 providers=["CPUExecutionProvider"])
        return self.sessions[batch]

    def open(self):
        self.session(1)

    def variants(self, batch):
        return ["run", "bound"]

    def prepare(self, variant, batch):
        return (self.prepare_run if variant == "run" else self.prepare_bound)(self.session(batch), batch)

    def prepare_run(self, session, batch):
        name, names = session.get_inputs()[0].name, [session.get_outputs()[0].name]
        slices, last = self.setup.slices(batch), [None]

        def call(i):
            last[0] = session.run(names, {name: slices[i]})[0]

        return call, lambda: last[0]

    def prepare_bound(self, session, batch):
        """Input and output are bound once; a picture is copied to its place."""
        numpy, slices = self.setup.numpy, self.setup.slices(batch)
        given, told = session.get_inputs()[0].name, session.get_outputs()[0]
        picture = numpy.empty([batch] + self.setup.shape, numpy.float32)
        classes = int(numpy.prod([n for n in told.shape[1:]]))
        answers = numpy.empty([batch, classes], numpy.float32)
        binding = session.io_binding()
        binding.bind_input(given, "cpu", 0, numpy.float32, picture.shape, picture.ctypes.data)
        binding.bind_output(told.name, "cpu", 0, numpy.float32, [batch] + list(told.shape[1:]), answers.ctypes.data)
        copy, run = numpy.copyto, session.run_with_iobinding

        def call(i):
            copy(picture, slices[i])
            run(binding)

        return call, lambda: answers
