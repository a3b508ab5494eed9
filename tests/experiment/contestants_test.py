#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the Python contestants do with --device cuda, before there are data: with frameworks of a few
lines each, which have a GPU or not (FAKE_GPU) and print what they are asked for.

usage: contestants_test.py CONTESTANTS_FOLDER
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

GPU = "import os\ngpu = os.environ['FAKE_GPU'] == '1'\n"
FAKES = {
    "numpy/__init__.py": "float32 = float64 = int32 = uint8 = None\n",
    "torch/__init__.py": GPU + """
import atexit, types
from . import nn
__version__ = "2.0+fake"
backends = types.SimpleNamespace(
    cudnn=types.SimpleNamespace(allow_tf32=None, benchmark=False),
    cuda=types.SimpleNamespace(matmul=types.SimpleNamespace(allow_tf32=None)))
cuda = types.SimpleNamespace(is_available=lambda: gpu)
version = types.SimpleNamespace(cuda="13.0" if gpu else None)
device = str
set_num_threads = set_num_interop_threads = manual_seed = lambda count: None
atexit.register(lambda: print("tf32:", backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32))
""",
    "torch/nn/__init__.py": "",
    "torch/nn/functional.py": "",
    "jax/__init__.py": GPU + """
import types
__version__ = "0.9"
lax = None
config = types.SimpleNamespace(update=lambda name, value: print(name, value))
print("preallocate", os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"], os.environ["JAX_PLATFORMS"])
def default_backend():
    if os.environ["JAX_PLATFORMS"] == "cpu": return "cpu"
    assert gpu
    return "gpu"
""",
    "jax/numpy.py": "",
    "optax.py": "__version__ = '0.2'\n",
    "tensorflow/__init__.py": GPU + """
import types
__version__ = "2.99"
print("growth", os.environ["TF_FORCE_GPU_ALLOW_GROWTH"])
ignore = lambda count: None
config = types.SimpleNamespace(
    threading=types.SimpleNamespace(set_intra_op_parallelism_threads=ignore,
                                    set_inter_op_parallelism_threads=ignore),
    list_physical_devices=lambda kind: ["GPU:0"] if gpu and kind == "GPU" else [],
    experimental=types.SimpleNamespace(
        enable_tensor_float_32_execution=lambda on: print("tf32:", on)))
test = types.SimpleNamespace(is_built_with_cuda=lambda: False)
""",
    "keras/__init__.py": """
import types
__version__ = "3.99"
layers = None
utils = types.SimpleNamespace(set_random_seed=lambda seed: None)
""",
}
NAMES = {"pytorch": "PyTorch 2.0+fake", "jax": "JAX 0.9", "keras": "TensorFlow 2.99"}
folder = pathlib.Path()  # with the contestants


def start(contestant, gpu, *arguments, environment=None):
    """Its exit status, output, errors and the names of its events."""
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        for name, text in FAKES.items():
            (place / "fakes" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "fakes" / name).write_text(text)
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1",
                       "PYTHONPATH": f"{place / 'fakes'}:{folder / 'common'}",
                       "FAKE_GPU": "1" if gpu else "0", "TREINO_EVENTS": str(place / "events"),
                       **(environment or {})}
        done = subprocess.run([sys.executable, folder / contestant / "train.py", "--work", "mnist",
                               "--data", place / "none", *arguments],
                              env=environment, capture_output=True, text=True)
        events = (place / "events").read_text().splitlines()
        return done.returncode, done.stdout, done.stderr, [json.loads(e)["event"] for e in events]


class Device(unittest.TestCase):
    def test_without_a_gpu_it_ends_with_one_line(self):
        for contestant, framework in NAMES.items():
            with self.subTest(contestant):
                status, _, errors, events = start(contestant, False, "--device", "cuda")
                self.assertEqual(status, 1)
                self.assertEqual(len(errors.splitlines()), 1, errors)
                self.assertIn(f"device cuda: {framework} sees no GPU (", errors)
                self.assertIn("TREINO_BENCH_PYTHON", errors)
                self.assertLessEqual(len(errors), 200, "the bench shows no more of a line")
                self.assertEqual(events, ["process_start"])

    def test_a_gpu_is_taken_and_the_cpu_needs_none(self):
        for contestant in NAMES:
            for gpu, device in ((True, "cuda"), (False, "cpu")):
                with self.subTest(contestant, device=device):
                    status, _, errors, events = start(contestant, gpu, "--device", device)
                    self.assertEqual(status, 1)
                    self.assertIn("run: treino data get mnist", errors)
                    self.assertEqual(events, ["process_start", "runtime_ready"])

    def test_jax_told_to_use_the_cpu_does_not_pass_for_a_gpu(self):
        _, _, errors, _ = start("jax", True, "--device", "cuda", environment={"JAX_PLATFORMS": "cpu"})
        self.assertIn("sees no GPU (JAX_PLATFORMS says cpu)", errors)

    def test_tf32_only_when_asked_for(self):
        said = {"pytorch": ("tf32: False False", "tf32: True True"), "keras": ("tf32: False", "tf32: True"),
                "jax": ("jax_default_matmul_precision highest",
                        "jax_default_matmul_precision tensorfloat32")}
        for contestant, (exact, short) in said.items():
            with self.subTest(contestant):
                self.assertIn(exact, start(contestant, True, "--device", "cuda")[1])
                self.assertIn(short, start(contestant, True, "--device", "cuda", "--precision", "tf32")[1])

    def test_memory_is_taken_as_it_is_needed(self):
        self.assertIn("preallocate false cuda", start("jax", True, "--device", "cuda")[1])
        self.assertIn("growth true", start("keras", True, "--device", "cuda")[1])


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv.pop(1)).resolve()
    unittest.main()
