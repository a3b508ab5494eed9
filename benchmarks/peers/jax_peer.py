# SPDX-License-Identifier: Apache-2.0
"""JAX with optax: variants jit (one jitted step) and scan (a whole epoch as one lax.scan)."""

import os
import sys

if "--threads" in sys.argv and sys.argv[sys.argv.index("--threads") + 1] == "1":
    os.environ["XLA_FLAGS"] = ("--xla_cpu_multi_thread_eigen=false "
                               "intra_op_parallelism_threads=1")

os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"  # so that its memory can be told
import jax
import jax.numpy as jnp
import numpy as np

from network import arguments, serve

try:
    import optax
except ModuleNotFoundError:
    import plain_optax as optax

ACTIVATIONS = {"relu": jax.nn.relu, "tanh": jnp.tanh, "silu": jax.nn.silu,
               "gelu": lambda x: jax.nn.gelu(x, approximate=False)}


def glorot(rng, shape, fan_in, fan_out):
    limit = np.sqrt(6 / (fan_in + fan_out))
    return jnp.asarray(rng.uniform(-limit, limit, shape), jnp.float32)


def build(layers, shape, rng, parameters, statistics):
    """A list of f(x, parameters, statistics, new_statistics, key); shapes as in torch_peer."""
    steps = []

    def activation(name):
        if name in ACTIVATIONS:
            steps.append(lambda x, p, s, n, key: ACTIVATIONS[name](x))

    for kind, options in layers:
        name = f"{kind}_{len(parameters) + len(statistics)}"
        if kind == "conv2d":
            k, stride = options["kernel"], options.get("stride", 1)
            groups, filters = options.get("groups", 1), options["filters"]
            padding = options.get("padding", "valid").upper()
            inputs = shape[2] // groups
            weights = {"w": glorot(rng, (k, k, inputs, filters), k * k * inputs, k * k * filters)}
            if options.get("bias", True):
                weights["b"] = jnp.zeros(filters)
            parameters[name] = weights

            def conv(x, p, s, n, key, name=name, stride=stride, padding=padding, groups=groups):
                y = jax.lax.conv_general_dilated(
                    x, p[name]["w"], (stride, stride), padding,
                    dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups)
                return y + p[name]["b"] if "b" in p[name] else y

            steps.append(conv)
            activation(options.get("activation"))
            out = [-(-e // stride) if padding == "SAME" else (e - k) // stride + 1
                   for e in shape[:2]]
            shape = (*out, filters)
        elif kind == "batch_norm":
            parameters[name] = {"g": jnp.ones(shape[-1]), "b": jnp.zeros(shape[-1])}
            statistics[name] = {"m": jnp.zeros(shape[-1]), "v": jnp.ones(shape[-1])}
            keep, epsilon = options.get("momentum", 0.99), options.get("epsilon", 1e-3)

            def norm(x, p, s, n, key, name=name, keep=keep, epsilon=epsilon):
                axes = tuple(range(x.ndim - 1))
                mean, variance = x.mean(axes), x.var(axes)
                n[name] = {"m": keep * s[name]["m"] + (1 - keep) * mean,
                           "v": keep * s[name]["v"] + (1 - keep) * variance}
                scale = p[name]["g"] * jax.lax.rsqrt(variance + epsilon)
                return (x - mean) * scale + p[name]["b"]

            steps.append(norm)
        elif kind in ("max_pool", "avg_pool"):
            size = options.get("size", 2)
            window = (1, size, size, 1)
            if kind == "max_pool":
                steps.append(lambda x, p, s, n, key, w=window: jax.lax.reduce_window(
                    x, -jnp.inf, jax.lax.max, w, w, "VALID"))
            else:
                steps.append(lambda x, p, s, n, key, w=window: jax.lax.reduce_window(
                    x, 0.0, jax.lax.add, w, w, "VALID") / (w[1] * w[2]))
            shape = (shape[0] // size, shape[1] // size, shape[2])
        elif kind == "global_avg_pool":
            steps.append(lambda x, p, s, n, key: x.mean((1, 2)))
            shape = (shape[2],)
        elif kind == "flatten":
            steps.append(lambda x, p, s, n, key: x.reshape(x.shape[0], -1))
            shape = (int(np.prod(shape)),)
        elif kind == "dense":
            units = options["units"]
            parameters[name] = {"w": glorot(rng, (shape[0], units), shape[0], units),
                                "b": jnp.zeros(units)}
            steps.append(lambda x, p, s, n, key, name=name: x @ p[name]["w"] + p[name]["b"])
            activation(options.get("activation"))
            shape = (units,)
        elif kind == "dropout":
            keep = 1 - options["rate"]
            steps.append(lambda x, p, s, n, key, keep=keep: jnp.where(
                jax.random.bernoulli(key, keep, x.shape), x / keep, 0))
        elif kind == "activation":
            activation(options["function"])
        elif kind == "residual":
            body, after = build(options["body"], shape, rng, parameters, statistics)
            shortcut, _ = build(options["shortcut"], shape, rng, parameters, statistics)

            def residual(x, p, s, n, key, body=body, shortcut=shortcut):
                y = x
                for step in body:
                    y = step(y, p, s, n, key)
                for step in shortcut:
                    x = step(x, p, s, n, key)
                return x + y

            steps.append(residual)
            shape = after
        else:
            raise SystemExit(f"jax_peer: no layer {kind}")
    return steps, shape


def main():
    options, network = arguments(__doc__)
    on_gpu = options.device == "cuda"
    jax.config.update("jax_platforms", options.device)
    if on_gpu:
        jax.config.update("jax_default_matmul_precision",
                          "tensorfloat32" if options.tf32 else "highest")
    parameters, statistics = {}, {}
    steps, _ = build(network.layers, network.shape, np.random.default_rng(1), parameters,
                     statistics)
    count = sum(x.size for x in jax.tree.leaves(parameters))
    optimizer = (optax.adam(network.rate, eps=1e-7) if network.optimizer == "adam"
                 else optax.sgd(network.rate, network.momentum))
    data, labels = jnp.asarray(network.samples), jnp.asarray(network.labels)

    def loss_of(parameters, statistics, x, y, key):
        new = {}
        for step in steps:
            x = step(x, parameters, statistics, new, key)
        return optax.softmax_cross_entropy_with_integer_labels(x, y).mean(), new

    # The data are an argument, not a constant of the program.
    def train(state, rows, data, labels):
        parameters, statistics, slots, key = state
        key, drop = jax.random.split(key)
        x = data[rows].astype(jnp.float32) / 255
        (loss, statistics), gradient = jax.value_and_grad(loss_of, has_aux=True)(
            parameters, statistics, x, labels[rows], drop)
        change, slots = optimizer.update(gradient, slots)
        return (optax.apply_updates(parameters, change), statistics, slots, key), loss

    state = (parameters, statistics, optimizer.init(parameters), jax.random.key(1))
    rng = np.random.default_rng(2)

    def order():
        rows = rng.permutation(len(network.labels))[:network.steps * network.batch]
        return jnp.asarray(rows.reshape(network.steps, network.batch).astype(np.int32))

    if options.variant == "scan":
        epoch = jax.jit(lambda state, rows, *data: jax.lax.scan(
            lambda s, r: train(s, r, *data), state, rows), donate_argnums=0)

        def run():
            nonlocal state
            state, losses = epoch(state, order(), data, labels)
            losses.block_until_ready()
            return network.steps
    else:
        step = jax.jit(train, donate_argnums=0)
        rows, position = list(order()) if on_gpu else np.asarray(order()), 0

        def run():
            nonlocal state, position
            position = (position + 1) % len(rows)
            state, loss = step(state, rows[position], data, labels)
            if not on_gpu:
                loss.block_until_ready()
            return 1

    serve(run, count, warm_up=2 if options.variant == "scan" else 5,
          wait=lambda: jax.block_until_ready(state),
          device_bytes=lambda: (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0))


if __name__ == "__main__":
    main()
