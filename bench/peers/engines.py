"""What runs a case: PyTorch in either memory layout and in f64, or ONNX Runtime."""

import warnings

import numpy as np


def cases():
    """The classes of all cases by name. Imported late: ONNX Runtime's process needs no PyTorch."""
    import dcgan_step
    import fastgan
    import fusion
    import fusion_step
    import johnson
    import microast

    return {
        "johnson": johnson.Johnson,
        "johnson-step": johnson.JohnsonStep,
        "vgg16": johnson.Vgg16,
        "microast-encode": microast.Encode,
        "microast": microast.Paint,
        "fusion-encode": fusion.Encode,
        "fusion": fusion.Paint,
        "fusion-step": fusion_step.FusionStep,
        "fastgan-step": fastgan.Steps,
        "dcgan-step": dcgan_step.Steps,
    }


class Torch:
    """PyTorch, eager."""

    def __init__(self, engine, threads):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.type = torch.float64 if engine == "torch-double" else torch.float32
        self.layout = torch.channels_last if engine == "torch-channels-last" else torch.contiguous_format
        self.version = f"PyTorch {torch.__version__.split('+')[0]}"

    def load(self, case, weights, inputs, graph):
        from safetensors.torch import load_file

        self.network = cases()[case]({name: array.float() for name, array in load_file(weights).items()})
        self.network = self.network.eval().to(dtype=self.type, memory_format=self.layout)
        self.inputs = [self.place(inputs[name]) for name in self.network.inputs]

    def place(self, array):
        tensor = self.torch.from_numpy(array).to(self.type)
        return tensor.to(memory_format=self.layout) if tensor.dim() == 4 else tensor

    def run(self):
        if hasattr(self.network, "losses"):
            return self.network.run(*self.inputs)
        with self.torch.inference_mode():
            return dict(zip(self.network.outputs, self.network(*self.inputs)))

    def arrays(self, outputs):
        return {name: tensor.detach().float().contiguous().numpy() for name, tensor in outputs.items()}

    def export(self, path):
        """Writes the network as ONNX, for inputs of these sizes."""
        # The exporter that traces is deprecated and says so at length; the other one needs more packages.
        warnings.simplefilter("ignore")
        network, inputs = self.network.float(), tuple(tensor.float() for tensor in self.inputs)
        names = {"input_names": list(network.inputs), "output_names": list(network.outputs)}
        self.torch.onnx.export(network, inputs, path, dynamo=False, **names)


class OnnxRuntime:
    """ONNX Runtime with all its optimisations."""

    def __init__(self, threads):
        import onnxruntime

        self.ort = onnxruntime
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.version = f"ONNX Runtime {onnxruntime.__version__}"

    def load(self, case, weights, inputs, graph):
        self.session = self.ort.InferenceSession(graph, self.options, providers=["CPUExecutionProvider"])
        self.outputs = [output.name for output in self.session.get_outputs()]
        self.inputs = {input.name: inputs[input.name] for input in self.session.get_inputs()}

    def run(self):
        return dict(zip(self.outputs, self.session.run(self.outputs, self.inputs)))

    def arrays(self, outputs):
        return {name: np.ascontiguousarray(array, np.float32) for name, array in outputs.items()}


def engine(name, threads):
    return OnnxRuntime(threads) if name == "onnxruntime" else Torch(name, threads)
