# SPDX-License-Identifier: Apache-2.0
"""The same recipe as plain PyTorch functions in float64 (or float32): a second opinion on what
Keras computes, and the yardstick of what float32 costs."""
import torch
import torch.nn.functional as F

FUNCTIONS = {
    "linear": lambda x: x, "relu": F.relu, "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "elu": F.elu, "selu": F.selu, "gelu": F.gelu, "silu": F.silu, "tanh": torch.tanh,
    "sigmoid": torch.sigmoid, "softplus": F.softplus, "softmax": lambda x: F.softmax(x, -1)}


def two(value):
    return list(value) if isinstance(value, list) else [value, value]


def same_padding(x, size, stride, dilation, value):
    """x [n, c, h, w] padded so that outputs are ceil(input / stride), more after than before."""
    pads = []
    for axis in (1, 0):  # F.pad counts from the last axis
        extent = x.shape[2 + axis]
        outputs = -(-extent // stride[axis])
        reach = (size[axis] - 1) * dilation[axis] + 1
        total = max((outputs - 1) * stride[axis] + reach - extent, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads, value=value)


def size_of(x):
    return x.detach().square().mean().sqrt() + 1e-300


def lead(x, axis):
    """How far the largest is ahead of the next one; an exact tie is the same for any arithmetic."""
    if x.shape[axis] == 1:
        return torch.full_like(x.select(axis, 0), torch.inf)
    first, second = x.detach().topk(2, dim=axis).values.unbind(axis)
    return torch.where(first == second, torch.inf, first - second)


class Network:
    """Values by Treino's names. `kinks` gets, of every function with a bend, how far each of its
    outputs is from one (in units of the tensor's size), and the outputs."""

    def __init__(self, layers, values, training, products=lambda f, x, kernel: f(x, kernel)):
        self.layers, self.values, self.training = layers, values, training
        self.products = products  # how the bilinear f of matrices or pictures is computed
        self.kinks = []
        self.amplified = 1.0  # how a batch norm before this layer enlarges errors, a channel

    def activate(self, name, x):
        y = FUNCTIONS[name](x)
        if name in ("relu", "leaky_relu", "selu"):
            self.kink(x.abs() / size_of(x) / self.amplified, y)
        return y

    def kink(self, distances, outputs):
        if outputs.requires_grad:
            outputs.retain_grad()
            self.kinks.append((distances.detach(), outputs))

    def __call__(self, x):
        return self.sequence(self.layers, "", x)

    def sequence(self, layers, prefix, x):
        counts = {}
        for layer in layers:
            (kind, fields), = layer.items()
            counts[kind] = counts.get(kind, 0) + 1
            x = self.layer(kind, fields, f"{prefix}{kind}_{counts[kind]}", x)
            if kind not in ("batch_norm", "activation"):
                self.amplified = 1.0
        return x

    def layer(self, kind, fields, name, x):
        own = lambda part: self.values.get(f"{name}.{part}")
        if kind == "dropout":
            return x
        if kind == "residual":
            return self.sequence(fields["body"], name + ".body.", x) + self.sequence(
                fields.get("shortcut", []), name + ".shortcut.", x)
        if kind == "flatten":
            return x.reshape(x.shape[0], -1)
        if kind == "activation":
            return self.activate(fields["function"], x)
        if kind == "scale":
            return x * fields["factor"]
        if kind == "embedding":
            y = own("table")[x.long()]
            return y * (x > 0)[..., None] if fields.get("mask_zero", True) else y
        places = tuple(range(1, x.dim() - 1))  # pixels, or moments
        if kind == "global_avg_pool":
            return x.mean(dim=places)
        if kind == "global_max_pool":
            y = x.amax(dim=places)
            self.kink(lead(x.flatten(1, -2), 1) / size_of(x), y)
            return y
        if kind == "layer_norm":
            return F.layer_norm(x, x.shape[-1:], own("gamma"), own("beta"),
                                fields.get("epsilon", 1e-3))
        if kind == "batch_norm":
            mean, variance = own("mean"), own("variance")
            if self.training:
                axes = tuple(range(x.dim() - 1))
                mean, variance = x.mean(axes), x.var(axes, correction=0)
                # Rounding is in proportion to the values, of which the norm takes the mean away.
                size = (mean**2 + variance + 1e-300).detach()
                self.amplified = (size / (variance.detach() + 1e-12)).sqrt().clamp(max=1e3)
            return (x - mean) / torch.sqrt(variance + fields.get("epsilon", 1e-3)) * own(
                "gamma") + own("beta")
        if kind == "dense":
            y = self.products(torch.matmul, x, own("kernel"))
        elif kind == "conv1d":  # one pixel high
            wide = {**fields, **{part: [1, fields.get(part, 1)]
                                 for part in ("kernel", "stride", "dilation")}}
            kernel = lambda part: own(part)[None]
            y = self.window("conv2d", wide, kernel, x.permute(0, 2, 1)[:, :, None])
            y = y[:, :, 0].permute(0, 2, 1)
        else:
            y = self.window(kind, fields, own, x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        if own("bias") is not None:
            y = y + own("bias")
        return self.activate(fields.get("activation", "linear"), y)

    def window(self, kind, fields, own, x):
        same = fields.get("padding", "valid") == "same"
        if kind == "conv2d":
            size, stride = two(fields["kernel"]), two(fields.get("stride", 1))
            dilation = two(fields.get("dilation", 1))
            x = same_padding(x, size, stride, dilation, 0) if same else x
            groups = fields.get("groups", 1)
            return self.products(
                lambda image, kernel: F.conv2d(image, kernel, None, stride, 0, dilation, groups),
                x, own("kernel").permute(3, 2, 0, 1))
        size = two(fields.get("size", 2))
        stride = two(fields.get("stride", size))
        if kind == "max_pool":
            scale = size_of(x)
            x = same_padding(x, size, stride, [1, 1], float("-inf")) if same else x
            y = F.max_pool2d(x, size, stride)
            windows = x.unfold(2, size[0], stride[0]).unfold(3, size[1], stride[1]).flatten(4)
            amplified = self.amplified
            if torch.is_tensor(amplified):
                amplified = amplified[:, None, None]
            self.kink(lead(windows, 4) / scale / amplified, y)
            return y
        ones = torch.ones_like(x)
        if same:
            x, ones = (same_padding(t, size, stride, [1, 1], 0) for t in (x, ones))
        return F.avg_pool2d(x, size, stride) / F.avg_pool2d(ones, size, stride)


def loss_of(train, outputs, targets):
    smoothing = train.get("label_smoothing", 0.0)
    kind = train["loss"]
    if kind == "cross_entropy":
        return F.cross_entropy(outputs, targets, label_smoothing=smoothing)
    if kind == "binary_cross_entropy":
        return F.binary_cross_entropy_with_logits(outputs,
                                                  targets * (1 - smoothing) + smoothing / 2)
    return {"mse": F.mse_loss, "mae": F.l1_loss, "huber": F.huber_loss}[kind](outputs, targets)


def tensors_of(values, dtype):
    tensors = {n: torch.tensor(v, dtype=dtype) for n, v in values.items()
               if not n.startswith("optimizer.")}
    trained = {n: t.requires_grad_() for n, t in tensors.items()
               if n.rsplit(".", 1)[1] not in ("mean", "variance")}
    return tensors, trained


def gradients(layers, train, values, x, y, dtype=torch.float64):
    """Loss, gradients and inference outputs from a state of float64 arrays."""
    tensors, trained = tensors_of(values, dtype)
    x, y = torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)
    loss = loss_of(train, Network(layers, tensors, True)(x), y)
    found = torch.autograd.grad(loss, list(trained.values()))
    with torch.no_grad():
        outputs = Network(layers, tensors, False)(x)
    return (loss.item(), {n: g.double().numpy() for n, g in zip(trained, found)},
            outputs.double().numpy())


def share_at_kinks(layers, train, values, x, y, near):
    """The largest share of a layer's gradient that flows through outputs nearer than `near` to a
    kink of relu and its like, a tie of max pooling or a 0 of the absolute error."""
    tensors, _ = tensors_of(values, torch.float64)
    network = Network(layers, tensors, True)
    outputs, y = network(torch.tensor(x)), torch.tensor(y)
    loss_of(train, outputs, y).backward()
    share = 0.0
    for distances, at in network.kinks:
        # What would flow counts too, so not only where the unit is on.
        share = max(share, (at.grad[distances < near].norm() / at.grad.norm()).item())
    if train["loss"] == "mae":
        share += ((outputs - y).abs() < near).double().mean().item()
    return share
