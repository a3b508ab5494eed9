# SPDX-License-Identifier: Apache-2.0
"""PyTorch as a whole process: three epochs of mnist (eager) or cifar10 (channels_last) on the real
files under $TREINO_DATA, then the test accuracy."""

import argparse
import pathlib
import tomllib

import torch
import torch.nn.functional as F

from network import flat
from real_data import load
from torch_peer import build

def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=("mnist", "cifar10"))
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipes = pathlib.Path(__file__).resolve().parents[2] / "recipes"
    recipe = tomllib.loads((recipes / f"{options.name}.toml").read_text())
    (images, labels), (test, truth) = [(torch.from_numpy(x.copy()), torch.from_numpy(y).long())
                                       for x, y in load(options.name)]
    model, _ = build(flat(recipe["model"]), tuple(recipe["input"]["shape"]))
    if options.name == "cifar10":
        model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, eps=1e-7, fused=True)

    def forward(rows):
        return model(rows.permute(0, 3, 1, 2).float() / 255)

    for _ in range(3):
        for rows in torch.randperm(len(labels)).split(recipe["train"]["batch"]):
            optimizer.zero_grad(set_to_none=True)
            F.cross_entropy(forward(images[rows]), labels[rows]).backward()
            optimizer.step()
    model.eval()
    with torch.no_grad():
        right = sum((forward(x).argmax(1) == y).sum().item()
                    for x, y in zip(test.split(1000), truth.split(1000)))
    print(f"test accuracy {right / len(truth):.4f}")


if __name__ == "__main__":
    main()
