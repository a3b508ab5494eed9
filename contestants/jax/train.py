# SPDX-License-Identifier: Apache-2.0
"""JAX and optax: XLA, the compiler that EXLA (Elixir's Axon) uses too.

An epoch is one compiled scan over its steps. On the CPU the convolutional network's step is compiled
by itself instead, because XLA's CPU backend runs convolutions inside a scan several times slower.

"equal": as everybody. "published": the network of the thesis's Elixir programs
(sallaumen/elixir_neural_network_labs at 542fa19) on the Axon of that day: Adam at 1e-2, epsilon 1e-8
and 1e-15 under the root, no shuffling, the last batch filled up with the first samples, batch norm
whose gamma starts glorot-uniform and whose running statistics weigh a new batch 0.9.
"""
import os
import time

import contestant

options = contestant.arguments(("equal", "published"))
events = contestant.Events()
os.environ["NPROC"] = str(options.threads)  # the size of XLA's thread pool
os.environ.setdefault("JAX_PLATFORMS", "cpu" if options.device == "cpu" else "cuda")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

if options.device != "cpu":
    try:
        missing = "JAX_PLATFORMS says cpu" if jax.default_backend() == "cpu" else ""
    except (RuntimeError, AssertionError) as error:  # without its CUDA plugin an empty assertion
        missing = str(error) or "no CUDA plugin"
    if missing:
        contestant.no_gpu(options, f"JAX {jax.__version__}", missing)
    # A GPU would take TF32 unasked.
    jax.config.update("jax_default_matmul_precision",
                      "tensorfloat32" if options.precision == "tf32" else "highest")
events("runtime_ready", framework="jax", version=f"{jax.__version__}, optax {optax.__version__}")

published = options.variant == "published"
parts = contestant.load(options.work, options.data)
contestant.data_ready(events, parts)
train_x, train_y, test_x, test_y = (jnp.asarray(part) for part in parts)  # bytes, resident
samples, batch = len(train_y), options.batch

key = jax.random.key(options.seed)
glorot = jax.nn.initializers.glorot_uniform()


def dense(key, inputs, outputs):
    return {"w": glorot(key, (inputs, outputs)), "b": jnp.zeros(outputs)}


def block(key, channels, filters):
    first, second = jax.random.split(key)
    gamma = jnp.ones(filters)
    if published:  # glorot of a vector: fan in and out are its length
        limit = (6 / (filters + filters)) ** 0.5
        gamma = jax.random.uniform(second, (filters,), minval=-limit, maxval=limit)
    return {"w": glorot(first, (3, 3, channels, filters)), "b": jnp.zeros(filters), "gamma": gamma,
            "beta": jnp.zeros(filters)}


def statistics(filters):
    return {"mean": jnp.zeros(filters), "var": jnp.ones(filters)}


keys = jax.random.split(key, 5)
if options.work == "mnist":
    weights = {"d1": dense(keys[0], 784, 128), "d2": dense(keys[1], 128, 10)}
    running = {}
else:
    weights = {"c1": block(keys[0], 3, 32), "c2": block(keys[1], 32, 64),
               "d1": dense(keys[2], 2304, 64), "d2": dense(keys[3], 64, 10)}
    running = {"c1": statistics(32), "c2": statistics(64)}
keep, epsilon = (0.1, 1e-5) if published else (0.99, 1e-3)


def apply_block(w, state, x, training):
    x = lax.conv_general_dilated(x, w["w"], (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    x = jax.nn.relu(x + w["b"])
    if training:
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        state = {"mean": keep * state["mean"] + (1 - keep) * mean,
                 "var": keep * state["var"] + (1 - keep) * var}
    else:
        mean, var = state["mean"], state["var"]
    x = (x - mean) * (lax.rsqrt(var + epsilon) * w["gamma"]) + w["beta"]
    # A maximum over pairs: the gradient of XLA's own reduce-window takes nearly as long as the rest.
    rows, columns = x.shape[1] // 2, x.shape[2] // 2
    x = x[:, :2 * rows, :2 * columns].reshape(len(x), rows, 2, columns, 2, -1)
    return x.max((2, 4)), state


def forward(weights, running, pixels, key, training):
    x = pixels.astype(jnp.float32) / 255
    new = {}
    if options.work == "cifar10":
        for name in ("c1", "c2"):
            x, new[name] = apply_block(weights[name], running[name], x, training)
    x = x.reshape(len(x), -1)
    x = jax.nn.relu(x @ weights["d1"]["w"] + weights["d1"]["b"])
    if training:
        x = jnp.where(jax.random.bernoulli(key, 0.5, x.shape), x * 2, 0)
    return x @ weights["d2"]["w"] + weights["d2"]["b"], new


def loss_of(weights, running, pixels, labels, key):
    logits, running = forward(weights, running, pixels, key, True)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels.astype(jnp.int32)).mean()
    return loss, (running, (logits.argmax(1) == labels).sum())


if published:
    optimizer = optax.adam(1e-2, eps=1e-8, eps_root=1e-15)
    said = {"adam": {"rate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "eps_root": 1e-15}}
else:
    optimizer, said = optax.adam(1e-3, eps=1e-7), contestant.ADAM


def step(state, picked, train_x, train_y):
    weights, running, moments, key, losses, correct = state
    key, drop = jax.random.split(key)
    (loss, (running, right)), gradient = jax.value_and_grad(loss_of, has_aux=True)(
        weights, running, train_x[picked], train_y[picked], drop)
    moved, moments = optimizer.update(gradient, moments, weights)
    weights = optax.apply_updates(weights, moved)
    return weights, running, moments, key, losses + loss * len(picked), correct + right


def steps(state, rows, train_x, train_y):
    """Many steps, `rows` being one batch of sample numbers a row."""
    return lax.scan(lambda s, picked: (step(s, picked, train_x, train_y), None), state, rows)[0]


def test(weights, running, x, y):
    logits, _ = forward(weights, running, x, None, False)
    losses = optax.softmax_cross_entropy_with_integer_labels(logits, y.astype(jnp.int32))
    return losses.sum(), (logits.argmax(1) == y).sum()


contestant.model_built(events, sum(int(w.size) for w in jax.tree.leaves(weights)),
                       contestant.layers(options.work))
state = (weights, running, optimizer.init(weights), jax.random.key(options.seed + 1),
         jnp.zeros(()), jnp.zeros((), jnp.int32))
whole, rest = divmod(samples, batch)
scanned = options.work == "mnist" or options.device != "cpu"

started = time.monotonic()
row = jnp.zeros(batch, jnp.int32)
one = jax.jit(step, donate_argnums=0)
# What a scan does not do: "published" fills its last batch up.
sizes = {batch} if not scanned else set()
if rest:
    sizes.add(batch if published else rest)
compiled = {size: one.lower(state, row[:size], train_x, train_y).compile() for size in sizes}
if scanned:
    rows = jnp.zeros((whole, batch), jnp.int32)
    compiled_epoch = jax.jit(steps, donate_argnums=0).lower(state, rows, train_x, train_y).compile()
compiled_test = jax.jit(test).lower(weights, running, test_x[:1000], test_y[:1000]).compile()
events("compile_done", seconds=time.monotonic() - started)
taught = (whole + (rest > 0)) * batch if published else samples
contestant.work(events, options, optimizer=said, samples=taught, shuffle=not published)

order = np.random.default_rng(options.seed)
epochs = contestant.Epochs(events, batch)
for _ in range(options.epochs):
    epochs.start()
    picked = np.arange(samples) if published else order.permutation(samples)
    if published and rest:
        picked = np.concatenate([picked, picked[:batch - rest]])
    picked = picked.astype(np.int32)
    state = (*state[:4], jnp.zeros(()), jnp.zeros((), jnp.int32))
    if scanned:
        state = compiled_epoch(state, jnp.asarray(picked[:whole * batch].reshape(whole, batch)),
                               train_x, train_y)
    for first in range(whole * batch if scanned else 0, len(picked), batch):
        chunk = picked[first:first + batch]
        state = compiled[len(chunk)](state, chunk, train_x, train_y)
    jax.block_until_ready(state)
    epochs.stop(taught, state[4] / taught, state[5] / taught)
epochs.done()

loss = right = 0.0
for first in range(0, len(test_y), 1000):
    found = compiled_test(state[0], state[1], test_x[first:first + 1000], test_y[first:first + 1000])
    loss, right = loss + float(found[0]), right + float(found[1])
contestant.evaluated(events, len(test_y), loss / len(test_y), right / len(test_y))
