"""MicroAST (Wang et al. 2023) in PyTorch and ONNX Runtime, from the weights that impasto runs too.

    peers.py export --weights FILE --out DIR --sizes 256 512     the two halves of the network as ONNX, for each size
    peers.py serve ENGINE ...                                    answers JSON lines, see `serve`
    peers.py paint ENGINE ... CONTENT STYLE OUT                  from picture file to picture file

ENGINE is torch, torch-channels-last or onnxruntime. Pictures are RGB in [0, 1], planar.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

CODE = [f"{level}.{part}" for level in ("shallow", "deep") for part in ("mean", "deviation", "weight", "bias")]


def network(weights):
    """The network as two modules: style picture -> code (8 vectors), and content picture + code -> picture."""
    import torch
    import torch.nn.functional as F
    from safetensors.torch import load_file

    class Part(torch.nn.Module):
        def __init__(self, arrays):
            super().__init__()
            for name, array in arrays.items():
                self.register_parameter(name.replace(".", "_"), torch.nn.Parameter(array, requires_grad=False))

        def conv(self, name, x, stride=1, groups=1):
            weight, bias = (getattr(self, f"{name}.{part}".replace(".", "_")) for part in ("weight", "bias"))
            reach = weight.shape[-1] // 2
            x = F.pad(x, [reach] * 4, mode="reflect") if reach else x
            return F.conv2d(x, weight, bias, stride=stride, groups=groups)

        def encode(self, name, x):
            x = F.relu(self.conv(f"{name}.enc1.0", x))
            x = F.relu(self.conv(f"{name}.enc1.2", x, stride=2, groups=x.shape[1]))
            x = F.relu(self.conv(f"{name}.enc1.4", x))
            x = F.relu(self.conv(f"{name}.enc1.6", x, stride=2, groups=x.shape[1]))
            x = F.relu(self.conv(f"{name}.enc1.8", x))
            residual = lambda layer, x: x + self.conv(f"{layer}.conv2", F.relu(self.conv(f"{layer}.conv1", x)))
            shallow = residual(f"{name}.enc1.10", x)
            return shallow, residual(f"{name}.enc2.0", shallow)

    def moments(x):
        return x.mean((2, 3), keepdim=True), (x.var((2, 3), keepdim=True, unbiased=True) + 1e-5).sqrt()

    class Style(Part):
        def forward(self, picture):
            code = []
            for level, x in enumerate(self.encode("style_encoder", picture), 1):
                code += moments(x)
                for kind in ("weight", "bias"):
                    code.append(self.conv(f"modulator.{kind}{level}.0", x, groups=x.shape[1]).mean((2, 3), keepdim=True))
            return tuple(code)

    class Paint(Part):
        def block(self, name, x, mean, deviation, weight, bias):
            own, spread = moments(x)
            x = (x - own) / spread * deviation + mean
            styled = lambda layer, x: self.conv(f"{name}.{layer}", x) * weight + x * bias
            return x + styled("conv2", F.relu(styled("conv1", x)))

        def forward(self, picture, *code):
            _, x = self.encode("content_encoder", picture)
            x = self.block("decoder.dec1", x, *code[4:])
            x = self.block("decoder.dec2", x, *code[:4])
            for spatial, pointwise in ((1, 3), (6, 8)):
                x = F.interpolate(x, scale_factor=2, mode="bilinear")
                x = F.relu(self.conv(f"decoder.dec3.{spatial}", x, groups=x.shape[1] // 2))
                x = F.relu(self.conv(f"decoder.dec3.{pointwise}", x))
            return self.conv("decoder.dec3.10", x)

    arrays = load_file(weights)
    belongs = lambda *heads: {name: array for name, array in arrays.items() if name.split(".")[0] in heads}
    return Style(belongs("style_encoder", "modulator")).eval(), Paint(belongs("content_encoder", "decoder")).eval()


def export(weights, out, sizes):
    """Writes `style-HxW.onnx` and `paint-HxW.onnx`."""
    import torch

    # The exporter that traces is deprecated and says so at length; the other one needs more packages.
    warnings.simplefilter("ignore")
    style, paint = network(weights)
    for height, width in sizes:
        picture = torch.rand(1, 3, height, width)
        code = style(picture)
        for name, module, inputs, names, outputs in (
            ("style", style, (picture,), ["picture"], CODE),
            ("paint", paint, (picture, *code), ["picture", *CODE], ["painted"]),
        ):
            path = Path(out) / f"{name}-{height}x{width}.onnx"
            torch.onnx.export(module, inputs, str(path), input_names=names, output_names=outputs, dynamo=False)


class Torch:
    """PyTorch, eager."""

    def __init__(self, weights, graphs, threads, channels_last):
        import torch

        torch.set_num_threads(threads)
        self.torch = torch
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.style_part, self.paint_part = (part.to(memory_format=self.layout) for part in network(weights))
        self.version = f"PyTorch {torch.__version__.split('+')[0]}"

    def load(self, array):
        return self.torch.from_numpy(array).to(memory_format=self.layout)

    def prepare(self, part, size):
        pass

    def style(self, picture):
        with self.torch.inference_mode():
            return self.style_part(picture)

    def paint(self, picture, code):
        with self.torch.inference_mode():
            return self.paint_part(picture, *code).numpy()


class OnnxRuntime:
    """ONNX Runtime with all its optimisations."""

    def __init__(self, weights, graphs, threads):
        import onnxruntime

        self.ort, self.graphs = onnxruntime, Path(graphs)
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.sessions = {}
        self.version = f"ONNX Runtime {onnxruntime.__version__}"

    def load(self, array):
        return array

    def prepare(self, part, size):
        path = self.graphs / f"{part}-{size[0]}x{size[1]}.onnx"
        self.sessions[part] = self.ort.InferenceSession(str(path), self.options, providers=["CPUExecutionProvider"])

    def style(self, picture):
        return self.sessions["style"].run(CODE, {"picture": picture})

    def paint(self, picture, code):
        return self.sessions["paint"].run(["painted"], {"picture": picture, **dict(zip(CODE, code))})[0]


def engine(args):
    if args.engine == "onnxruntime":
        return OnnxRuntime(args.weights, args.graphs, args.threads)
    return Torch(args.weights, args.graphs, args.threads, args.engine == "torch-channels-last")


def serve(args):
    """Requests and answers are JSON objects, one a line: `{"do": "style" or "content", "path", "height", "width"}` reads
    a picture (raw f32) and gets ready for its size; `{"do": "encode"}` and `{"do": "paint"}` answer with the seconds it
    took; `{"do": "save", "path"}` writes the last picture painted; `{"do": "rates"}` measures the machine."""
    peer = engine(args)
    style = code = content = painted = None

    def answer(request):
        nonlocal style, code, content, painted
        match request["do"]:
            case "style" | "content" as what:
                size = request["height"], request["width"]
                picture = peer.load(np.fromfile(request["path"], np.float32).reshape(1, 3, *size))
                peer.prepare("style" if what == "style" else "paint", size)
                if what == "style":
                    style = picture
                else:
                    content = picture
                return {"version": peer.version}
            case "encode":
                begin = time.perf_counter()
                code = peer.style(style)
                return {"seconds": time.perf_counter() - begin}
            case "paint":
                begin = time.perf_counter()
                painted = peer.paint(content, code)
                return {"seconds": time.perf_counter() - begin}
            case "save":
                np.ascontiguousarray(painted, np.float32).tofile(request["path"])
                return {}
            case "rates":
                return rates(args.threads)
            case other:
                raise ValueError(f"unknown request {other!r}")

    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), flush=True)


def rates(threads):
    """What the machine gives at best: multiply-accumulates a second in a large matrix product, bytes a second in a
    large copy (read and written)."""
    import torch

    torch.set_num_threads(threads)

    def best(work, count):
        times = []
        for _ in range(count):
            begin = time.perf_counter()
            work()
            times.append(time.perf_counter() - begin)
        return min(times)

    n = 1536
    a, b = torch.rand(n, n), torch.rand(n, n)
    source = torch.rand(32 << 20)
    target = torch.empty_like(source)
    return {
        "macs_per_second": n**3 / best(lambda: a @ b, 12),
        "bytes_per_second": 2 * 4 * source.numel() / best(lambda: target.copy_(source), 12),
    }


def paint(args):
    """From files to a file, as a program that uses the network would."""
    from PIL import Image

    peer = engine(args)
    read = lambda path: np.asarray(Image.open(path).convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255
    content, style = (np.ascontiguousarray(read(path)) for path in (args.content, args.style))
    peer.prepare("style", style.shape[2:])
    peer.prepare("paint", content.shape[2:])
    painted = peer.paint(peer.load(content), peer.style(peer.load(style)))
    pixels = np.rint(np.clip(painted[0], 0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("export")
    command.add_argument("--weights", required=True)
    command.add_argument("--out", required=True)
    command.add_argument("--sizes", required=True, nargs="+", help="HEIGHTxWIDTH")
    for name in ("serve", "paint"):
        command = commands.add_parser(name)
        command.add_argument("engine", choices=("torch", "torch-channels-last", "onnxruntime"))
        command.add_argument("--weights", required=True)
        command.add_argument("--graphs", required=True, help="folder that export wrote")
        command.add_argument("--threads", type=int, required=True)
        if name == "paint":
            for picture in ("content", "style", "out"):
                command.add_argument(picture)
    args = parser.parse_args()
    if args.command == "export":
        export(args.weights, args.out, [tuple(map(int, size.split("x"))) for size in args.sizes])
    else:
        {"serve": serve, "paint": paint}[args.command](args)


if __name__ == "__main__":
    main()
