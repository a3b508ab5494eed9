// SPDX-License-Identifier: Apache-2.0
// A Python that is there already, with packages made for the test.
#include "treino/experiment/setup.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/environment.h"
#include "tests/support/temporary_folder.h"
#include "treino/base/file.h"

namespace treino::experiment {
namespace {

class SharedPython : public testing::Test {
 protected:
  SharedPython() {
    folder_.write("python",
                  "#!/bin/sh\nPYTHONPATH=" + (folder_ / "site") + " exec python3 -S \"$@\"\n");
    std::filesystem::permissions(folder_ / "python", std::filesystem::perms::owner_all);
  }

  // A package of so many MiB.
  void install(const std::string& name, std::size_t mib, const std::string& needs = {}) {
    const std::string about = fmt::format("site/{}-1.0.dist-info/", name);
    folder_.write("site/" + name + "/data", std::string(mib << 20, 'x'));
    folder_.write(about + "METADATA",
                  fmt::format("Metadata-Version: 2.1\nName: {}\nVersion: 1.0\n{}", name, needs));
    folder_.write(about + "RECORD", name + "/data,,\n" + name + "/gone,,\n");
  }

  experiment::Environment made(const std::vector<std::string>& packages) {
    ContestantFile file;
    file.name = "one";
    file.setup.python = packages;
    const Environment environment = make_environment(file, true, [](const std::string&) {});
    EXPECT_TRUE(environment.ready) << environment.trouble;
    const Environment again = environment_of(file);  // from its record
    EXPECT_EQ(again.installed_mib, environment.installed_mib);
    EXPECT_EQ(again.packages, environment.packages);
    return environment;
  }

  test::TemporaryFolder folder_;
  test::Environment cache_{"XDG_CACHE_HOME", folder_ / "cache"},
      python_{"TREINO_BENCH_PYTHON", folder_ / "python"};
};

TEST_F(SharedPython, WhatItsPackagesNeedIsMeasuredAndNothingElse) {
  install("alpha", 3,
          "Requires-Dist: Beta.Two (>=1.0)\nRequires-Dist: gamma; extra == 'x'\n"
          "Requires-Dist: absent; sys_platform == 'win32'\n");
  install("beta_two", 1, "Requires-Dist: alpha\n");
  install("gamma", 2);
  install("other", 5);
  const Environment environment = made({"alpha==1.0"});
  ASSERT_TRUE(environment.installed_mib);
  EXPECT_DOUBLE_EQ(*environment.installed_mib, 4);
  EXPECT_DOUBLE_EQ(*environment.packages, 2);
}

TEST_F(SharedPython, WhatIsNotThereHasNoSize) {
  const Environment environment = made({"alpha"});
  EXPECT_FALSE(environment.installed_mib);
  EXPECT_FALSE(environment.packages);
}

TEST_F(SharedPython, ARecordThatWasChangedHasNoNumbers) {
  install("alpha", 3);
  const Environment environment = made({"alpha==1.0"});
  ContestantFile file;
  file.name = "one";
  file.setup.python = {"alpha==1.0"};
  for (const char* record : {R"({"seconds": "3", "packages": [1]})", "[1]", "5", "no JSON"}) {
    write_whole_file(environment.folder + "/setup.json", record);
    EXPECT_FALSE(environment_of(file).setup_s) << record;
    EXPECT_FALSE(environment_of(file).packages) << record;
  }
}

}  // namespace
}  // namespace treino::experiment
