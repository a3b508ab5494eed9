# SPDX-License-Identifier: Apache-2.0
"""Keras 3 on TensorFlow, `fit` as its users call it.

"equal": float32 samples, the same network, optimiser and shuffling as everybody.
"published": the thesis's Python programs (sallaumen/python_neural_network_labs at d105673): two hidden
layers and no dropout for MNIST; no batch norm, no dropout and SGD for CIFAR-10; samples as float64.
"""
import os

import contestant

options = contestant.arguments(("equal", "published"))
events = contestant.Events()
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"
if options.device == "cpu":
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else all of a GPU's memory is taken at once

import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(options.threads)
tf.config.threading.set_inter_op_parallelism_threads(options.threads)
if options.device != "cpu" and not tf.config.list_physical_devices("GPU"):  # it would train on the CPU
    contestant.no_gpu(options, f"TensorFlow {tf.__version__}",
                      "built with CUDA" if tf.test.is_built_with_cuda() else "built without CUDA")

# On a GPU products would take it unasked.
tf.config.experimental.enable_tensor_float_32_execution(options.precision == "tf32")

import keras
import numpy as np
from keras import layers

keras.utils.set_random_seed(options.seed)
events("runtime_ready", framework="keras", version=f"{keras.__version__} on TensorFlow {tf.__version__}")

published = options.variant == "published"
parts = contestant.load(options.work, options.data)
contestant.data_ready(events, parts)
kind = np.float64 if published else np.float32
train_x, test_x = (parts[i].astype(kind) / kind(255) for i in (0, 2))
train_y, test_y = (parts[i].astype(np.int32) for i in (1, 3))


def block(filters):
    yield layers.Conv2D(filters, 3, activation="relu")
    if not published:
        yield layers.BatchNormalization()  # momentum 0.99, epsilon 1e-3
    yield layers.MaxPooling2D()


if options.work == "mnist":
    middle = layers.Dense(128, activation="relu") if published else layers.Dropout(0.5)
    model = keras.Sequential([layers.Input((28, 28, 1)), layers.Flatten(),
                              layers.Dense(128, activation="relu"), middle,
                              layers.Dense(10, activation="softmax")])
else:
    tail = [] if published else [layers.Dropout(0.5)]
    model = keras.Sequential([layers.Input((32, 32, 3)), *block(32), *block(64), layers.Flatten(),
                              layers.Dense(64, activation="relu"), *tail,
                              layers.Dense(10, activation="softmax")])
counted = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
contestant.model_built(events, counted,
                       contestant.layers(options.work, "published-keras" if published else "equal"))

if published and options.work == "cifar10":
    optimizer, said = keras.optimizers.SGD(1e-2), {"sgd": {"rate": 1e-2, "momentum": 0}}
else:
    optimizer, said = keras.optimizers.Adam(1e-3), contestant.ADAM
model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
# TensorFlow traces and compiles inside the first step: there is no moment before to time.
events("compile_done", seconds=None, note="inside the first epoch")
contestant.work(events, options, optimizer=said, samples=len(train_y))


class Tell(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.epochs = contestant.Epochs(events, options.batch)

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.start()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.stop(len(train_y), logs["loss"], logs["accuracy"])

    def on_train_end(self, logs=None):
        self.epochs.done()


model.fit(train_x, train_y, batch_size=options.batch, epochs=options.epochs, shuffle=True,
          verbose=0, callbacks=[Tell()])
loss, accuracy = model.evaluate(test_x, test_y, batch_size=1000, verbose=0)
contestant.evaluated(events, len(test_y), loss, accuracy)
