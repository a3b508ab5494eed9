#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""read_safetensors.py FILE EXPECTED: reads FILE with the safetensors module and compares names,
shapes and values with EXPECTED (JSON: {name: {"shape": [...], "values": [...]}}), exactly.

Exits 77 where there is no such module, 1 with a line for each difference."""
import json
import sys

try:
    import numpy as np
    from safetensors import safe_open
except ImportError as error:
    print(error)
    sys.exit(77)

expected = json.load(open(sys.argv[2]))
wrong = []
with safe_open(sys.argv[1], framework="numpy") as file:
    if set(file.keys()) != set(expected):
        wrong.append(f"names {sorted(file.keys())}, expected {sorted(expected)}")
    for name in set(file.keys()) & set(expected):
        tensor, want = file.get_tensor(name), expected[name]
        values = np.array(want["values"], np.float32)  # decimal -> the nearest float, exactly
        if tensor.dtype != np.float32 or list(tensor.shape) != want["shape"]:
            wrong.append(f"{name}: {tensor.dtype} {list(tensor.shape)}, expected {want['shape']}")
        elif not np.array_equal(tensor.reshape(-1), values):
            wrong.append(f"{name}: {tensor.reshape(-1)[:4]}..., expected {values[:4]}...")
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
