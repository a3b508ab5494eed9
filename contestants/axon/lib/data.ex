# SPDX-License-Identifier: Apache-2.0
defmodule Contestant.Data do
  @moduledoc """
  The sets' own files, read from disk: IDX for MNIST, binary records for CIFAR-10. Images come as
  bytes, height, width, channels; what Scidata downloads is the same numbers.
  """

  def load("mnist", root) do
    folder = Path.join(root, "mnist")

    for split <- ["train", "t10k"], {kind, header} <- [{"images-idx3", 16}, {"labels-idx1", 8}] do
      packed = File.read!(Path.join(folder, "#{split}-#{kind}-ubyte.gz"))
      <<_::binary-size(header), bytes::binary>> = :zlib.gunzip(packed)
      bytes
    end
  end

  def load("cifar10", root) do
    folder = Path.join([root, "cifar10", "cifar-10-batches-bin"])

    for names <- [for(i <- 1..5, do: "data_batch_#{i}.bin"), ["test_batch.bin"]],
        records = for(name <- names, into: <<>>, do: File.read!(Path.join(folder, name))),
        part <- [images(records), labels(records)] do
      part
    end
  end

  # Records are a label, then the red, green and blue planes.
  defp images(records) do
    records
    |> Nx.from_binary(:u8)
    |> Nx.reshape({:auto, 3073})
    |> then(& &1[[.., 1..3072]])
    |> Nx.reshape({:auto, 3, 32, 32})
    |> Nx.transpose(axes: [0, 2, 3, 1])
    |> Nx.to_binary()
  end

  defp labels(records) do
    for <<label, _::binary-size(3072) <- records>>, into: <<>>, do: <<label>>
  end

  def digest(parts), do: Base.encode16(:crypto.hash(:sha256, parts), case: :lower)

  def shape("mnist"), do: {28, 28, 1}
  def shape("cifar10"), do: {32, 32, 3}

  def images_tensor(bytes, work) do
    bytes |> Nx.from_binary(:u8) |> Nx.reshape(List.to_tuple([:auto | Tuple.to_list(shape(work))]))
  end

  def one_hot(bytes) do
    bytes |> Nx.from_binary(:u8) |> Nx.new_axis(-1) |> Nx.equal(Nx.iota({1, 10}))
  end

  # An epoch's batches, in a new random order each time it is read ("equal"), or in the file's order
  # with the last batch filled up with the first samples ("published").
  def batches(images, labels, batch, :shuffled) do
    count = Nx.axis_size(labels, 0)

    Stream.resource(
      fn -> Enum.shuffle(0..(count - 1)) |> Enum.chunk_every(batch) end,
      fn
        [] ->
          {:halt, []}

        [picked | rest] ->
          picked = Nx.tensor(picked)
          {[{scaled(Nx.take(images, picked)), Nx.take(labels, picked)}], rest}
      end,
      fn _ -> :ok end
    )
  end

  def batches(images, labels, batch, :in_order) do
    leftover = fn tensor -> Nx.to_batched(tensor, batch, leftover: :repeat) end
    Stream.zip(leftover.(images), leftover.(labels)) |> Stream.map(fn {x, y} -> {scaled(x), y} end)
  end

  defp scaled(bytes), do: Nx.divide(bytes, 255.0)
end
