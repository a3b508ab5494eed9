# SPDX-License-Identifier: Apache-2.0
defmodule Contestant.Events do
  @moduledoc "JSON lines to TREINO_EVENTS: a path or unix:path. Without it nothing is written."

  def open do
    case System.get_env("TREINO_EVENTS", "") do
      "" ->
        nil

      "unix:" <> path ->
        {:ok, socket} = :gen_tcp.connect({:local, path}, 0, [:binary, active: false])
        {:socket, socket}

      path ->
        {:file, File.open!(path, [:append, :binary, :raw])}
    end
  end

  # CLOCK_MONOTONIC itself: System.monotonic_time/0 counts from the BEAM's own zero.
  def now do
    source = :erlang.system_info(:os_monotonic_time_source)
    System.convert_time_unit(source[:time], :native, :nanosecond) / 1.0e9
  end

  def send(channel, event, fields \\ [], t \\ nil) do
    line = Jason.encode!(Map.merge(%{event: event, t: t || now()}, Map.new(fields))) <> "\n"

    case channel do
      nil -> :ok
      {:socket, socket} -> :gen_tcp.send(socket, line)
      {:file, file} -> :file.write(file, line)
    end
  end
end
