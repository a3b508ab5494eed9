# SPDX-License-Identifier: Apache-2.0
"""PyTorch: the recipe's training step, the data resident, fused optimiser.

Variants: eager (NCHW), channels_last, compile (torch.compile of the channels_last model).
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
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    model, _ = build(network.layers, network.shape)
    model.train()
    parameters = sum(p.numel() for p in model.parameters())
    last = options.variant in ("channels_last", "compile")
    data = torch.from_numpy(network.samples)
    if last:
        model = model.to(memory_format=torch.channels_last)
    else:
        data = data.permute(0, 3, 1, 2).contiguous()
    labels = torch.from_numpy(network.labels).long()
    if network.optimizer == "adam":
        optimizer = torch.optim.Adam(model.parameters(), network.rate, eps=1e-7, fused=True)
    else:
        optimizer = torch.optim.SGD(model.parameters(), network.rate, network.momentum, fused=True)
    forward = torch.compile(model) if options.variant == "compile" else model
    order, position = torch.randperm(len(labels)), 0

    def run():
        nonlocal order, position
        if position + network.batch > len(order):
            order, position = torch.randperm(len(labels)), 0
        rows = order[position:position + network.batch]
        position += network.batch
        x = data[rows]
        if last:
            x = x.permute(0, 3, 1, 2)
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(forward(x.float() / 255), labels[rows])
        loss.backward()
        optimizer.step()
        return 1

    serve(run, parameters, warm_up=10)


if __name__ == "__main__":
    main()
