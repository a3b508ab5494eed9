# SPDX-License-Identifier: Apache-2.0
"""PyTorch: the recipe's training step, the data resident, fused optimiser.

Variants: eager (NCHW), channels_last, compile (torch.compile of the channels_last model). On a GPU
compile takes the loss in and uses CUDA graphs (mode reduce-overhead); compile-max is the same with
mode max-autotune; graph, graph-cl and graph-compile are eager, channels_last and compiled code whose
whole step, gathering and optimiser with it, is captured by hand in one CUDA graph.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from network import arguments, serve

ACTIVATIONS = {"relu": nn.ReLU, "tanh": nn.Tanh, "gelu": nn.GELU, "silu": nn.SiLU,
               "sigmoid": nn.Sigmoid}


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x):
        return self.body(x) + self.shortcut(x)


def activated(modules, options):
    name = options.get("activation", "linear")
    if name in ACTIVATIONS:  # softmax is part of the loss
        modules.append(ACTIVATIONS[name]())


def build(layers, shape):
    """Modules of the layers and the shape they leave; shape is (height, width, channels) or (n,)."""
    modules = []
    for kind, options in layers:
        if kind == "conv2d":
            k, stride = options["kernel"], options.get("stride", 1)
            pad = k // 2 if options.get("padding") == "same" else 0
            modules.append(nn.Conv2d(shape[2], options["filters"], k, stride, pad,
                                     groups=options.get("groups", 1),
                                     bias=options.get("bias", True)))
            activated(modules, options)
            extent = [(e + 2 * pad - k) // stride + 1 for e in shape[:2]]
            shape = (*extent, options["filters"])
        elif kind == "batch_norm":
            norm = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
            modules.append(norm(shape[-1], options.get("epsilon", 1e-3),
                                1 - options.get("momentum", 0.99)))
        elif kind in ("max_pool", "avg_pool"):
            size = options.get("size", 2)
            pool = nn.MaxPool2d if kind == "max_pool" else nn.AvgPool2d
            modules.append(pool(size))
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "global_avg_pool":
            modules += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
            shape = (shape[2],)
        elif kind == "flatten":
            modules.append(nn.Flatten())
            shape = (shape[0] * shape[1] * shape[2],) if len(shape) == 3 else shape
        elif kind == "dense":
            modules.append(nn.Linear(shape[0], options["units"], options.get("bias", True)))
            activated(modules, options)
            shape = (options["units"],)
        elif kind == "dropout":
            modules.append(nn.Dropout(options["rate"]))
        elif kind == "activation":
            activated(modules, {"activation": options["function"]})
        elif kind == "residual":
            body, after = build(options["body"], shape)
            shortcut = (build(options["shortcut"], shape)[0] if options["shortcut"]
                        else nn.Identity())
            modules.append(Residual(body, shortcut))
            shape = after
        else:
            raise SystemExit(f"torch_peer: no layer {kind}")
    return nn.Sequential(*modules), shape


def main():
    options, network = arguments(__doc__)
    device = torch.device(options.device)
    on_gpu, whole = options.device == "cuda", options.variant.startswith("graph")
    torch.backends.cuda.matmul.allow_tf32 = options.tf32
    torch.backends.cudnn.allow_tf32 = options.tf32
    torch.backends.cudnn.benchmark = True
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model, _ = build(network.layers, network.shape)
    model.train().to(device)
    parameters = sum(p.numel() for p in model.parameters())
    last = options.variant not in ("eager", "graph")
    data = torch.from_numpy(network.samples).to(device)
    if last:
        model = model.to(memory_format=torch.channels_last)
    else:
        data = data.permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(network.labels).long().to(device)
    if network.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), network.rate, eps=1e-7, fused=True,
                                     capturable=whole)
    else:
        optimizer = torch.optim.SGD(model.parameters(), network.rate, network.momentum, fused=True)
    forward = torch.compile(model) if options.variant == "compile" and not on_gpu else model

    def loss_of(x, y):
        return F.cross_entropy(forward(x.float() / 255), y)

    modes = {"compile": "reduce-overhead", "compile-max": "max-autotune",
             "graph-compile": "default"}
    if on_gpu and options.variant in modes:
        loss_of = torch.compile(loss_of, mode=modes[options.variant])
    order, position = torch.randperm(len(labels), device=device), 0

    def update(rows):
        x = data[rows]
        if last:
            x = x.permute(0, 3, 1, 2)
        loss_of(x, labels[rows]).backward()
        optimizer.step()

    def run():
        nonlocal order, position
        if position + network.batch > len(order):
            order, position = torch.randperm(len(labels), device=device), 0
        rows = order[position:position + network.batch]
        position += network.batch
        optimizer.zero_grad(set_to_none=True)
        if on_gpu and options.variant.startswith("compile"):
            torch.compiler.cudagraph_mark_step_begin()
        update(rows)
        return 1

    if not on_gpu:
        serve(run, parameters, warm_up=10)
        return
    if whole:
        run = CapturedStep(update, optimizer, order, network.batch).run
    serve(run, parameters, 20, torch.cuda.synchronize, torch.cuda.max_memory_reserved)


class CapturedStep:
    """One CUDA graph of the step, which finds its own rows in the order.

    The graph knows addresses alone: every tensor it reads that was made before the capture is a
    member here, or its memory would go to the next tensor that is made.
    """

    def __init__(self, update, optimizer, order, batch):
        self.update, self.order = update, order
        self.steps, self.done = len(order) // batch, 0
        self.offsets = torch.arange(batch, device=order.device)
        self.batch, self.first = batch, torch.zeros((), dtype=torch.int64, device=order.device)
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                optimizer.zero_grad(set_to_none=True)
                self.step()
        torch.cuda.current_stream().wait_stream(side)
        optimizer.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=side):
            self.step()
        self.first.zero_()

    def step(self):
        self.update(self.order[self.first + self.offsets])
        self.first.add_(self.batch)

    def run(self):
        if self.done == self.steps:
            self.order.copy_(torch.randperm(len(self.order), device=self.order.device))
            self.first.zero_()
            self.done = 0
        self.graph.replay()
        self.done += 1
        return 1


if __name__ == "__main__":
    main()
