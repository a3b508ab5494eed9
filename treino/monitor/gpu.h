// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "treino/monitor/gpu_source.h"
#include "treino/monitor/probe.h"

namespace treino::monitor {

// What the tree uses of GPUs: NVIDIA's through NVML, others' through the kernel's fdinfo.
std::unique_ptr<Probe> make_gpu_probe(const ProbeContext& context);
void gpu_capabilities(const std::string& root, std::vector<Capability>& out);

// The probe over given sources, for tests: their passes are made at every read, in its thread.
std::unique_ptr<Probe> make_gpu_probe(std::vector<std::unique_ptr<GpuSource>> sources,
                                      std::string why_none);

// One pass of what several kinds of drivers say: the tree uses what it uses of each.
GpuPass together(const GpuPass& a, const GpuPass& b);

}  // namespace treino::monitor
