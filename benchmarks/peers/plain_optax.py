# SPDX-License-Identifier: Apache-2.0
"""What jax_peer uses of optax, where that is not installed: the same formulas."""

from collections import namedtuple

import jax
import jax.numpy as jnp

Optimizer = namedtuple("Optimizer", "init update")


def adam(rate, b1=0.9, b2=0.999, eps=1e-8):
    def init(parameters):
        m, v = (jax.tree.map(jnp.zeros_like, parameters) for _ in range(2))
        return jnp.zeros((), jnp.int32), m, v

    def update(gradient, slots):
        count, m, v = slots
        count = count + 1
        m = jax.tree.map(lambda m, g: b1 * m + (1 - b1) * g, m, gradient)
        v = jax.tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, v, gradient)
        c1, c2 = 1 - b1**count.astype(jnp.float32), 1 - b2**count.astype(jnp.float32)
        change = jax.tree.map(lambda m, v: -rate * (m / c1) / (jnp.sqrt(v / c2) + eps), m, v)
        return change, (count, m, v)

    return Optimizer(init, update)


def sgd(rate, momentum=0.0):
    def update(gradient, slots):
        if momentum:
            gradient = slots = jax.tree.map(lambda s, g: momentum * s + g, slots, gradient)
        return jax.tree.map(lambda g: -rate * g, gradient), slots

    return Optimizer(lambda p: jax.tree.map(jnp.zeros_like, p) if momentum else (), update)


def apply_updates(parameters, change):
    return jax.tree.map(lambda p, c: p + c, parameters, change)


def softmax_cross_entropy_with_integer_labels(logits, labels):
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[:, None], -1)[:, 0]
