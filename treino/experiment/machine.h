// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace treino::experiment {

using Facts = std::vector<std::pair<std::string, std::string>>;  // name and text, in reading order

// What the experiment ran on: processor, clocks, memory, kernel, GPU and its driver. What cannot be
// read is left out.
Facts machine_facts();

// The commit of the sources in the folder, with "+changes" when files differ from it; empty when
// it is no git repository.
std::string commit_of(const std::string& folder);

// Short name of this machine for keeping results: processor, cores and a digest of the machine's
// id.
std::string machine_name();

}  // namespace treino::experiment
