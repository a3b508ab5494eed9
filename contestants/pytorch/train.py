# SPDX-License-Identifier: Apache-2.0
"""PyTorch, eager, fused Adam; samples resident as floats, gathered by a random permutation."""
import contestant

options = contestant.arguments()
events = contestant.Events()

import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(options.threads)
torch.set_num_interop_threads(1)
torch.manual_seed(options.seed)
device = torch.device(options.device)
if options.device != "cpu":
    if not torch.cuda.is_available():
        contestant.no_gpu(options, f"PyTorch {torch.__version__}",
                          f"built for CUDA {torch.version.cuda}" if torch.version.cuda
                          else "built without CUDA")
    torch.backends.cudnn.benchmark = True  # shapes stay: cuDNN may look for its fastest kernels once
# On a GPU convolutions would take TF32 unasked.
torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = options.precision == "tf32"
events("runtime_ready", framework="pytorch", version=torch.__version__)

parts = contestant.load(options.work, options.data)
contestant.data_ready(events, parts)


def images(array):
    tensor = torch.tensor(array, device=device).permute(0, 3, 1, 2).float() / 255
    # Convolutions run fastest on this layout; the dense network flattens one channel either way.
    return tensor.contiguous(memory_format=torch.channels_last)


train_x, test_x = images(parts[0]), images(parts[2])
train_y, test_y = (torch.tensor(parts[i], device=device).long() for i in (1, 3))


def initialised(layer):
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def block(channels, filters):
    # momentum 0.01 here is 0.99 in Keras's counting. PyTorch's running variance is the unbiased one.
    return [initialised(nn.Conv2d(channels, filters, 3)), nn.ReLU(),
            nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01), nn.MaxPool2d(2)]


if options.work == "mnist":
    model = nn.Sequential(nn.Flatten(), initialised(nn.Linear(784, 128)), nn.ReLU(), nn.Dropout(0.5),
                          initialised(nn.Linear(128, 10)))
else:
    model = nn.Sequential(*block(3, 32), *block(32, 64), nn.Flatten(), initialised(nn.Linear(2304, 64)),
                          nn.ReLU(), nn.Dropout(0.5), initialised(nn.Linear(64, 10)))
    model = model.to(memory_format=torch.channels_last)
model = model.to(device)
contestant.model_built(events, sum(p.numel() for p in model.parameters()),
                       contestant.layers(options.work))
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-7, fused=True)
events("compile_done", seconds=0.0)
samples = len(train_y)
contestant.work(events, options, samples=samples)

epochs = contestant.Epochs(events, options.batch)
for _ in range(options.epochs):
    epochs.start()
    model.train()
    losses = torch.zeros((), device=device)
    correct = torch.zeros((), device=device)
    for picked in torch.randperm(samples, device=device).split(options.batch):
        labels = train_y[picked]
        logits = model(train_x[picked])
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses += loss.detach() * len(picked)
        correct += (logits.detach().argmax(1) == labels).sum()
    epochs.stop(samples, losses.item() / samples, correct.item() / samples)  # item() waits
epochs.done()

model.eval()
with torch.no_grad():
    logits = torch.cat([model(chunk) for chunk in test_x.split(1000)])
    loss = F.cross_entropy(logits, test_y).item()
    accuracy = (logits.argmax(1) == test_y).float().mean().item()
contestant.evaluated(events, len(test_y), loss, accuracy)
