"""The networks of the speed comparison in PyTorch and ONNX Runtime, with the weights that impasto runs too.

    python bench/peers serve ENGINE --threads N             answers JSON lines, see `serve`
    python bench/peers paint ENGINE ... CONTENT STYLE OUT   MicroAST from picture file to picture file
    python bench/peers dcgan REQUEST                        a DCGAN trained and sampled, a JSON object in and out
    python bench/peers metrics INPUTS                       the evaluator's figures by other libraries, JSON lines

ENGINE is torch, torch-channels-last, torch-double or onnxruntime. Pictures are RGB in [0, 1], planar.
"""

import argparse
import json
import os
import sys
import time

import dcgan
import metrics
import numpy as np
from engines import engine
from safetensors.numpy import load_file, save_file


def serve(args):
    """Requests and answers are JSON objects, one a line: `{"do": "load", "case", "weights", "inputs", "graph"}` reads
    files and gets ready; `{"do": "run"}` answers with the seconds it took; `{"do": "save", "path"}` writes what came out;
    `{"do": "export", "path"}` writes the network as ONNX; `{"do": "rates"}` measures the machine."""
    peer = engine(args.engine, args.threads)
    outputs = None

    def answer(request):
        nonlocal outputs
        match request["do"]:
            case "load":
                outputs = None
                peer.load(request["case"], request["weights"], load_file(request["inputs"]), request["graph"])
                return {"version": peer.version}
            case "run":
                begin = time.perf_counter()
                outputs = peer.run()
                return {"seconds": time.perf_counter() - begin}
            case "save":
                save_file(peer.arrays(outputs), request["path"])
                return {}
            case "export":
                peer.export(request["path"])
                return {}
            case "rates":
                return rates(args.threads)
            case other:
                raise ValueError(f"unknown request {other!r}")

    # Answers alone go to standard output, whatever libraries below Python have to say.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


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

    def read(path):
        pixels = np.asarray(Image.open(path).convert("RGB"), np.float32).transpose(2, 0, 1)[None] / 255
        return np.ascontiguousarray(pixels)

    peer = engine(args.engine, args.threads)
    peer.load("microast-encode", args.weights, {"picture": read(args.style)}, args.encode_graph)
    code = peer.arrays(peer.run())
    peer.load("microast", args.weights, {"picture": read(args.content), **code}, args.paint_graph)
    painted = peer.arrays(peer.run())["painted"]
    pixels = np.rint(np.clip(painted[0], 0, 1).transpose(1, 2, 0) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(args.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("serve", "paint"):
        command = commands.add_parser(name)
        command.add_argument("engine", choices=("torch", "torch-channels-last", "torch-double", "onnxruntime"))
        command.add_argument("--threads", type=int, required=True)
        if name == "paint":
            command.add_argument("--weights", required=True)
            command.add_argument("--encode-graph", help="MicroAST's encoder as ONNX")
            command.add_argument("--paint-graph", help="the rest of MicroAST as ONNX")
            for picture in ("content", "style", "out"):
                command.add_argument(picture)
    command = commands.add_parser("dcgan")
    command.add_argument("request", help="a JSON object, see dcgan.run")
    command = commands.add_parser("metrics")
    command.add_argument("inputs", help="feature vectors and pictures, safetensors")
    args = parser.parse_args()
    run = {
        "serve": serve,
        "paint": paint,
        "dcgan": lambda args: print(json.dumps(dcgan.run(json.loads(args.request)))),
        "metrics": lambda args: metrics.figures(args.inputs),
    }
    run[args.command](args)


if __name__ == "__main__":
    main()
