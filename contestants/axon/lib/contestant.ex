# SPDX-License-Identifier: Apache-2.0
defmodule Contestant do
  @moduledoc """
  Axon on EXLA: `mix run -e Contestant.main -- --work mnist --data DIR --threads 2 --seed 1`.

  "published" takes the numbers of the thesis's programs (sallaumen/elixir_neural_network_labs at
  542fa19, Axon b0867848): Adam at 1e-2, no shuffling, batch norm as Axon has it by default.
  """
  alias Contestant.{Data, Events}

  @switches [work: :string, variant: :string, data: :string, threads: :integer, seed: :integer,
             epochs: :integer, batch: :integer, device: :string]

  def main do
    channel = Events.open()
    Events.send(channel, "process_start")
    {given, _, _} = OptionParser.parse(System.argv(), strict: @switches)
    options = Enum.into(given, %{variant: "equal", seed: 1, epochs: 3, batch: 32, threads: 1})
    :rand.seed(:exsss, options.seed)
    Nx.global_default_backend(EXLA.Backend)
    version = "#{Application.spec(:axon, :vsn)} on EXLA #{Application.spec(:exla, :vsn)}"
    Events.send(channel, "runtime_ready", framework: "axon", version: version)

    parts = [train_x, train_y, test_x, test_y] = Data.load(options.work, options.data)
    train_count = byte_size(train_y)
    test_count = byte_size(test_y)

    Events.send(channel, "data_ready",
      train: train_count, test: test_count, sha256: Data.digest(parts))

    published = options.variant == "published"
    model = network(options.work, published)
    {initialise, _} = Axon.build(model)
    template = Nx.template(List.to_tuple([1 | Tuple.to_list(Data.shape(options.work))]), :f32)
    state = initialise.(template, Axon.ModelState.empty())

    Events.send(channel, "model_built",
      parameters: count(Axon.ModelState.trainable_parameters(state)), layers: layers(options.work))

    # EXLA compiles inside the first step: there is no moment before to time.
    Events.send(channel, "compile_done", seconds: nil, note: "inside the first epoch")
    {optimizer, said} = optimizer(published)
    steps = div(train_count + options.batch - 1, options.batch)
    taught = if published, do: steps * options.batch, else: train_count

    Events.send(channel, "work",
      optimizer: %{adam: said}, batch: options.batch, samples_per_epoch: taught,
      epochs: options.epochs, precision: "float32", shuffle: not published, loss: "cross_entropy",
      seed: options.seed, threads: options.threads)

    order = if published, do: :in_order, else: :shuffled
    x = Data.images_tensor(train_x, options.work)
    batches = Data.batches(x, Data.one_hot(train_y), options.batch, order)
    trained = train(channel, model, optimizer, batches, state, options.epochs, taught, steps)
    evaluate(channel, model, trained, test_x, test_y, options.work)
    Events.send(channel, "exit", status: 0)
  end

  defp network("mnist", _published) do
    Axon.input("input", shape: {nil, 28, 28, 1})
    |> Axon.flatten()
    |> Axon.dense(128, activation: :relu)
    |> Axon.dropout(rate: 0.5)
    |> Axon.dense(10, activation: :softmax)
  end

  defp network("cifar10", published) do
    # Keras's numbers, unless "published" asks for Axon's own (momentum 0.1, epsilon 1e-5, gamma glorot).
    norm =
      if published, do: [], else: [momentum: 0.99, epsilon: 1.0e-3, gamma_initializer: :ones]

    Axon.input("input", shape: {nil, 32, 32, 3})
    |> Axon.conv(32, kernel_size: 3, activation: :relu)
    |> Axon.batch_norm(norm)
    |> Axon.max_pool(kernel_size: 2)
    |> Axon.conv(64, kernel_size: 3, activation: :relu)
    |> Axon.batch_norm(norm)
    |> Axon.max_pool(kernel_size: 2)
    |> Axon.flatten()
    |> Axon.dense(64, activation: :relu)
    |> Axon.dropout(rate: 0.5)
    |> Axon.dense(10, activation: :softmax)
  end

  defp optimizer(true) do
    {Polaris.Optimizers.adam(learning_rate: 1.0e-2, eps: 1.0e-8, eps_root: 1.0e-15),
     %{rate: 1.0e-2, beta1: 0.9, beta2: 0.999, epsilon: 1.0e-8, eps_root: 1.0e-15}}
  end

  defp optimizer(false) do
    {Polaris.Optimizers.adam(learning_rate: 1.0e-3, eps: 1.0e-7, eps_root: 0.0),
     %{rate: 1.0e-3, beta1: 0.9, beta2: 0.999, epsilon: 1.0e-7}}
  end

  defp train(channel, model, optimizer, batches, state, epochs, samples, steps) do
    {:ok, clock} = Agent.start_link(fn -> {0.0, 0.0} end)
    Events.send(channel, "train_start")

    trained =
      model
      |> Axon.Loop.trainer(:categorical_cross_entropy, optimizer, log: 0)
      |> Axon.Loop.metric(:accuracy)
      |> Axon.Loop.handle_event(:epoch_started, fn loop ->
        now = Events.now()
        Agent.update(clock, fn {_, total} -> {now, total} end)
        Events.send(channel, "epoch_start", [epoch: loop.epoch + 1], now)
        {:continue, loop}
      end)
      |> Axon.Loop.handle_event(:epoch_completed, fn loop ->
        # Reading a metric waits for the device.
        loss = Nx.to_number(loop.metrics["loss"])
        accuracy = Nx.to_number(loop.metrics["accuracy"])
        now = Events.now()
        {began, _} = Agent.get(clock, & &1)
        Agent.update(clock, fn {_, total} -> {began, total + now - began} end)

        Events.send(channel, "epoch_stop",
          [epoch: loop.epoch + 1, seconds: now - began, samples: samples, steps: steps, loss: loss,
           accuracy: accuracy], now)

        {:continue, loop}
      end)
      |> Axon.Loop.run(batches, state, epochs: epochs, compiler: EXLA)

    {_, total} = Agent.get(clock, & &1)
    Events.send(channel, "train_stop", seconds: total)
    trained
  end

  defp evaluate(channel, model, trained, pixels, labels, work) do
    x = Data.images_tensor(pixels, work)
    count = byte_size(labels)
    batches = Data.batches(x, Data.one_hot(labels), 1000, :in_order)
    loss = &Axon.Losses.categorical_cross_entropy(&1, &2, reduction: :mean)

    %{0 => found} =
      model
      |> Axon.Loop.evaluator()
      |> Axon.Loop.metric(:accuracy)
      |> Axon.Loop.metric(loss, "loss")
      |> Axon.Loop.run(batches, trained, compiler: EXLA)

    Events.send(channel, "eval",
      split: "test", samples: count, loss: Nx.to_number(found["loss"]),
      accuracy: Nx.to_number(found["accuracy"]))
  end

  defp count(%Nx.Tensor{} = tensor), do: Nx.size(tensor)
  defp count(map), do: map |> Map.values() |> Enum.map(&count/1) |> Enum.sum()

  defp layers("mnist") do
    rows([{"flatten", [784], 0}, {"dense", [128], 100_480}, {"dropout", [128], 0},
          {"dense", [10], 1290}])
  end

  defp layers("cifar10") do
    rows([{"conv2d", [30, 30, 32], 896}, {"batch_norm", [30, 30, 32], 64},
          {"max_pool", [15, 15, 32], 0}, {"conv2d", [13, 13, 64], 18_496},
          {"batch_norm", [13, 13, 64], 128}, {"max_pool", [6, 6, 64], 0}, {"flatten", [2304], 0},
          {"dense", [64], 147_520}, {"dropout", [64], 0}, {"dense", [10], 650}])
  end

  defp rows(list) do
    for {type, output, parameters} <- list, do: %{type: type, output: output, parameters: parameters}
  end
end
