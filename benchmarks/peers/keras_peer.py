# SPDX-License-Identifier: Apache-2.0
"""Keras on TensorFlow, `fit` over epochs of the resident samples."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import keras
import tensorflow as tf
from keras import layers as K

from network import arguments, serve


def apply(network_layers, x):
    for kind, options in network_layers:
        if kind == "conv2d":
            activation = options.get("activation")
            groups = options.get("groups", 1)
            common = dict(strides=options.get("stride", 1),
                          padding=options.get("padding", "valid"),
                          activation=activation, use_bias=options.get("bias", True))
            if groups > 1 and groups == x.shape[-1] == options["filters"]:
                x = K.DepthwiseConv2D(options["kernel"], **common)(x)
            else:
                x = K.Conv2D(options["filters"], options["kernel"], groups=groups, **common)(x)
        elif kind == "batch_norm":
            x = K.BatchNormalization(momentum=options.get("momentum", 0.99),
                                     epsilon=options.get("epsilon", 1e-3))(x)
        elif kind == "max_pool":
            x = K.MaxPooling2D(options.get("size", 2))(x)
        elif kind == "avg_pool":
            x = K.AveragePooling2D(options.get("size", 2))(x)
        elif kind == "global_avg_pool":
            x = K.GlobalAveragePooling2D()(x)
        elif kind == "flatten":
            x = K.Flatten()(x)
        elif kind == "dense":
            x = K.Dense(options["units"], activation=options.get("activation"))(x)
        elif kind == "dropout":
            x = K.Dropout(options["rate"])(x)
        elif kind == "activation":
            x = K.Activation(options["function"])(x)
        elif kind == "residual":
            x = K.Add()([apply(options["body"], x), apply(options["shortcut"], x)])
        else:
            raise SystemExit(f"keras_peer: no layer {kind}")
    return x


def main():
    options, network = arguments(__doc__)
    tf.config.threading.set_intra_op_parallelism_threads(options.threads)
    tf.config.threading.set_inter_op_parallelism_threads(options.threads)
    image = keras.Input(network.shape, dtype="uint8")
    model = keras.Model(image, apply(network.layers, K.Rescaling(1 / 255)(image)))
    optimizer = (keras.optimizers.Adam(network.rate) if network.optimizer == "adam"
                 else keras.optimizers.SGD(network.rate, network.momentum))
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    parameters = sum(int(tf.size(w)) for w in model.trainable_weights)
    rows = network.steps * network.batch
    x, y = network.samples[:rows], network.labels[:rows]

    def run():
        model.fit(x, y, batch_size=network.batch, epochs=1, verbose=0)
        return network.steps

    serve(run, parameters, warm_up=1)


if __name__ == "__main__":
    main()
