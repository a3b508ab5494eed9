#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loss and gradients of embedding, conv1d and pooling over time as PyTorch computes them in float64; writes
text_layers.json beside itself. Run by hand: python tests/nn/golden/text_layers.py (needs torch)."""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(11)
f64 = torch.float64
numbers = torch.randint(0, 9, (4, 12))
numbers[0, 7:] = 0  # padding
labels = torch.tensor([2, 0, 1, 1])


def drawn(*shape):  # floats exactly, as Treino stores them
    return torch.randn(*shape).mul(0.5).to(torch.float32).to(f64).requires_grad_()


def loss_of(pool, stride):
    w = {"embedding_1.table": drawn(9, 6), "conv1d_1.kernel": drawn(3, 3, 8), "conv1d_1.bias": drawn(8),
         "dense_1.kernel": drawn(8, 3), "dense_1.bias": drawn(3)}
    x = w["embedding_1.table"][numbers] * (numbers > 0).unsqueeze(-1)
    # Two groups; kernels [time, in, out] are PyTorch's [out, in, time].
    x = F.conv1d(x.transpose(1, 2), w["conv1d_1.kernel"].permute(2, 1, 0), w["conv1d_1.bias"], stride=stride,
                 padding=1 if stride == 1 else 0, groups=2).tanh()
    x = x.amax(2) if pool == "global_max_pool" else x.mean(2)
    loss = F.cross_entropy(x @ w["dense_1.kernel"] + w["dense_1.bias"], labels)
    loss.backward()
    flat = lambda t: t.detach().flatten().tolist()
    return {"pool": pool, "stride": stride, "loss": loss.item(),
            "weights": {n: flat(t) for n, t in w.items()}, "gradients": {n: flat(t.grad) for n, t in w.items()}}


result = {"torch": torch.__version__.split("+")[0], "numbers": numbers.flatten().tolist(), "labels": labels.tolist(),
          "cases": [loss_of(pool, stride) for pool in ("global_max_pool", "global_avg_pool") for stride in (1, 2)]}
path = pathlib.Path(__file__).with_suffix(".json")
path.write_text(json.dumps(result, indent=None, separators=(",", ":")) + "\n")
