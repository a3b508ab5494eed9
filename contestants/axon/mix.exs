# SPDX-License-Identifier: Apache-2.0
defmodule Contestant.MixProject do
  use Mix.Project

  def project do
    [app: :contestant, version: "0.1.0", elixir: "~> 1.15", deps: deps()]
  end

  def application, do: [extra_applications: [:logger, :crypto]]

  defp deps do
    [{:axon, "~> 0.7"}, {:exla, "~> 0.9"}, {:nx, "~> 0.9"}, {:polaris, "~> 0.1"}, {:jason, "~> 1.4"}]
  end
end
