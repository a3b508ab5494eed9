# SPDX-License-Identifier: Apache-2.0
"""A recipe trained by Keras 3 on JAX in float64: layers, losses, optimisers and schedules are
Keras's own classes with Keras's own defaults; only names are translated."""
import jax
import keras
import numpy as np


def use_float64():
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    # Off TensorFlow Keras computes means, pools and functions of float64 in float32 (dtypes.py).
    keras.src.backend.common.dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"


ACTIVATIONS = {"linear", "relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid",
               "softplus", "softmax"}
FOLDED = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}


def activation(name):
    assert name in ACTIVATIONS, name
    return keras.activations.get(name)


def pair(value):
    return tuple(value) if isinstance(value, list) else value


class Builder:
    """Keras layers of a recipe, and its variables under Treino's names."""

    def __init__(self):
        self.parameters, self.statistics = {}, {}

    def sequence(self, layers, prefix, x):
        counts = {}
        for layer in layers:
            (kind, fields), = layer.items()
            counts[kind] = counts.get(kind, 0) + 1
            x = self.layer(kind, dict(fields), f"{prefix}{kind}_{counts[kind]}", x)
        return x

    def layer(self, kind, fields, name, x):
        if kind == "residual":
            main = self.sequence(fields["body"], name + ".body.", x)
            return keras.layers.Add()([main, self.sequence(fields.get("shortcut", []),
                                                           name + ".shortcut.", x)])
        if kind == "dropout":
            return x  # off
        function = activation(fields.pop("activation", "linear"))
        if kind == "embedding":
            return self.embedding(fields, name, x)
        flat = len(x.shape) == 3  # over time
        size = {"pool_size": pair(fields.get("size", 2)), "strides": pair(fields.get("stride")),
                "padding": fields.get("padding", "valid")}
        made = {
            "dense": lambda: keras.layers.Dense(fields["units"], use_bias=fields.get("bias", True)),
            "conv2d": lambda: keras.layers.Conv2D(
                fields["filters"], pair(fields["kernel"]), strides=pair(fields.get("stride", 1)),
                dilation_rate=pair(fields.get("dilation", 1)), groups=fields.get("groups", 1),
                padding=fields.get("padding", "valid"), use_bias=fields.get("bias", True)),
            "conv1d": lambda: keras.layers.Conv1D(
                fields["filters"], fields["kernel"], strides=fields.get("stride", 1),
                dilation_rate=fields.get("dilation", 1), groups=fields.get("groups", 1),
                padding=fields.get("padding", "valid"), use_bias=fields.get("bias", True)),
            "max_pool": lambda: keras.layers.MaxPooling2D(**size),
            "avg_pool": lambda: keras.layers.AveragePooling2D(**size),
            "global_avg_pool": (keras.layers.GlobalAveragePooling1D if flat else
                                keras.layers.GlobalAveragePooling2D),
            "global_max_pool": (keras.layers.GlobalMaxPooling1D if flat else
                                keras.layers.GlobalMaxPooling2D),
            "flatten": keras.layers.Flatten,
            "batch_norm": lambda: keras.layers.BatchNormalization(**fields),
            "layer_norm": lambda: keras.layers.LayerNormalization(**fields),
            "scale": lambda: keras.layers.Rescaling(fields["factor"]),
            "activation": lambda: keras.layers.Activation(activation(fields["function"])),
        }[kind]()
        y = made(x)
        for own, theirs in {"kernel": "kernel", "bias": "bias", "gamma": "gamma",
                            "beta": "beta"}.items():
            variable = getattr(made, theirs, None)
            if isinstance(variable, keras.Variable):
                self.parameters[f"{name}.{own}"] = variable
        if kind == "batch_norm":
            self.statistics[name + ".mean"] = made.moving_mean
            self.statistics[name + ".variance"] = made.moving_variance
        return keras.layers.Activation(function)(y)

    def embedding(self, fields, name, x):
        made = keras.layers.Embedding(fields["vocabulary"], fields["units"])
        y = made(x)
        self.parameters[f"{name}.table"] = made.embeddings
        if not fields.get("mask_zero", True):
            return y
        real = keras.layers.Lambda(lambda t: keras.ops.cast(t > 0, "float64")[..., None])(x)
        return keras.layers.Multiply()([y, real])


def unfolded(layers, loss):
    """The layers with the function taken off the last one that the loss applies itself."""
    (kind, fields), = layers[-1].items()
    fields = dict(fields)
    for name in ("activation", "function"):
        if fields.get(name) == FOLDED.get(loss, "-"):
            fields[name] = "linear"
    return layers[:-1] + [{kind: fields}]


def loss_of(train):
    smoothing = {"label_smoothing": train.get("label_smoothing", 0.0)}
    return {
        "cross_entropy": lambda: keras.losses.CategoricalCrossentropy(from_logits=True,
                                                                      **smoothing),
        "binary_cross_entropy": lambda: keras.losses.BinaryCrossentropy(from_logits=True,
                                                                        **smoothing),
        "mse": keras.losses.MeanSquaredError,
        "mae": keras.losses.MeanAbsoluteError,
        "huber": keras.losses.Huber,
    }[train["loss"]]()


class RootAdam(keras.optimizers.Adam):
    """Keras's Adam with eps_root, a term of Optax and Axon, under the root."""

    def __init__(self, eps_root, **fields):
        super().__init__(**fields)
        self.eps_root = eps_root

    def update_step(self, gradient, variable, learning_rate):
        t = float(self.iterations.value) + 1
        i = self._get_variable_index(variable)
        m, v = self._momentums[i], self._velocities[i]
        m.assign(m + (gradient - m) * (1 - self.beta_1))
        v.assign(v + (gradient * gradient - v) * (1 - self.beta_2))
        alpha = learning_rate * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        spread = keras.ops.sqrt(keras.ops.convert_to_tensor(v) + self.eps_root) + self.epsilon
        variable.assign(variable - alpha * keras.ops.convert_to_tensor(m) / spread)


def optimizer_of(train):
    """Keras's optimiser, its rate, and which of its lists is which slot of Treino's."""
    (kind, fields), = (train.get("optimizer") or {"adam": {}}).items()
    fields = dict(fields)
    rename = {"rate": "learning_rate", "beta1": "beta_1", "beta2": "beta_2",
              "initial_accumulator": "initial_accumulator_value"}
    fields = {rename.get(name, name): value for name, value in fields.items()}
    if train.get("clip_norm", 0) > 0:
        fields["global_clipnorm"] = train["clip_norm"]
    if kind == "adagrad":  # starting values are stored in float32
        start = fields.get("initial_accumulator_value", 0.1)
        fields["initial_accumulator_value"] = float(np.float32(start))
    kinds = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam,
             "adamw": keras.optimizers.AdamW, "rmsprop": keras.optimizers.RMSprop,
             "adagrad": keras.optimizers.Adagrad}
    made = RootAdam(**fields) if "eps_root" in fields else kinds[kind](**fields)
    slots = {"sgd": {}, "adagrad": {"accumulator": "_accumulators"},
             "rmsprop": {"velocity": "_velocities"},
             "adam": {"m": "_momentums", "v": "_velocities"}}
    slots = dict(slots["adam" if kind == "adamw" else kind])
    if kind == "sgd" and made.momentum > 0:
        slots["momentum"] = "momentums"
    if kind == "rmsprop" and made.centered:
        slots["average"] = "_average_gradients"
    if kind == "rmsprop" and made.momentum > 0:
        slots["momentum"] = "_momentums"
    return made, float(made.learning_rate.numpy() if hasattr(made.learning_rate, "numpy")
                       else made.learning_rate), slots


def factors(train, steps, steps_per_epoch):
    """The schedule's factor of each step, by Keras's schedules and PyTorch's OneCycleLR."""
    schedule = train.get("schedule", "constant")
    (kind, fields), = ({schedule: {}} if isinstance(schedule, str) else schedule).items()
    whole = lambda epochs: max(1, round(epochs * steps_per_epoch)) if epochs else 0
    length = whole(fields.get("epochs", train["epochs"]))
    rise = whole(fields.get("warm_up", 0))
    if kind == "constant":
        return [1.0] * steps
    if kind == "cosine":
        cosine = keras.optimizers.schedules.CosineDecay(
            0.0 if rise else 1.0, length - rise, alpha=fields.get("final", 0.0),
            warmup_target=1.0 if rise else None, warmup_steps=rise)
        return [float(cosine(s)) for s in range(steps)]
    if kind == "step":
        decay = keras.optimizers.schedules.ExponentialDecay(
            1.0, whole(fields.get("every", 1.0)), fields.get("factor", 0.1), staircase=True)
        return [s / rise if s < rise else float(decay(s - rise)) for s in range(steps)]
    import torch
    dummy = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    if kind == "warm_up":
        rise = whole(fields.get("epochs", 1.0))
        chosen = torch.optim.lr_scheduler.LambdaLR(dummy, lambda s: min(s / rise, 1.0))
    else:
        assert kind == "one_cycle", kind
        chosen = torch.optim.lr_scheduler.OneCycleLR(
            dummy, max_lr=1.0, total_steps=length, pct_start=fields.get("peak", 0.3),
            div_factor=fields.get("div", 25.0), final_div_factor=fields.get("final_div", 1e4),
            cycle_momentum=False)
    found = []
    for s in range(steps):
        found.append(dummy.param_groups[0]["lr"])
        dummy.step()
        if s + 1 < length or kind == "warm_up":  # after its end the cycle stays where it is
            chosen.step()
    return found


class Training:
    def __init__(self, recipe, start):
        self.train = recipe["train"]
        layers = unfolded(recipe["model"], self.train["loss"])
        builder = Builder()
        x = keras.Input([int(n) for n in recipe["input"]["shape"]])
        self.model = keras.Model(x, builder.sequence(layers, "", x))
        self.parameters, self.statistics = builder.parameters, builder.statistics
        for name, variable in {**self.parameters, **self.statistics}.items():
            variable.assign(start(name, tuple(variable.shape)))
        self.loss = loss_of(self.train)
        self.optimizer, self.rate, self.slots = optimizer_of(self.train)
        assert {id(v) for v in self.model.trainable_variables} == {
            id(v) for v in self.parameters.values()}
        self.optimizer.build(list(self.parameters.values()))

        order = {id(v): i for i, v in enumerate(self.model.trainable_variables)}
        places = [order[id(v)] for v in self.parameters.values()]

        def loss_fn(trainable, other, x, y):
            unsorted = [None] * len(trainable)
            for value, place in zip(trainable, places):
                unsorted[place] = value
            outputs, other = self.model.stateless_call(unsorted, other, x, training=True)
            return self.loss(y, outputs), (other, outputs)

        self.gradient_fn = jax.jit(jax.value_and_grad(loss_fn, has_aux=True))

    def step(self, x, y, factor):
        """Trains one batch; the loss and the gradients before clipping."""
        trainable = [v.value for v in self.parameters.values()]
        other = [v.value for v in self.model.non_trainable_variables]
        (loss, (other, _)), gradients = self.gradient_fn(trainable, other, x, y)
        for variable, value in zip(self.model.non_trainable_variables, other):
            variable.assign(value)
        self.optimizer.learning_rate.assign(self.rate * factor)
        self.optimizer.apply(gradients, list(self.parameters.values()))
        return float(loss), dict(zip(self.parameters, map(np.asarray, gradients)))

    def outputs(self, x):
        return np.asarray(self.model(x, training=False))

    def probabilities(self, x):
        folded = FOLDED.get(self.train["loss"], "linear")
        return np.asarray(keras.activations.get(folded)(keras.ops.convert_to_tensor(
            self.outputs(x))))

    def state(self):
        values = {n: np.asarray(v.value) for n, v in {**self.parameters, **self.statistics}.items()}
        for slot, attribute in self.slots.items():
            for name, variable in zip(self.parameters, getattr(self.optimizer, attribute)):
                values[f"optimizer.{slot}.{name}"] = np.asarray(variable.value)
        return values
