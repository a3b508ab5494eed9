// SPDX-License-Identifier: Apache-2.0
#include "treino/base/shape.h"

#include <gtest/gtest.h>

#include "treino/base/error.h"

namespace treino {
namespace {

TEST(Shape, ElementsAreTheProduct) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ((Shape{32, 28, 28}).elements(), 25088);
  EXPECT_EQ((Shape{5, 0, 7}).elements(), 0);
}

TEST(Shape, ExtentsOfADamagedFileAreRefused) {
  EXPECT_THROW((Shape{4'000'000'000, 4'000'000'000}).elements(), Error);
  EXPECT_THROW((Shape{1 << 30, 1 << 30, 1 << 4}).elements(), Error);
  EXPECT_THROW((Shape{-4'000'000'000, 4'000'000'000}).elements(), Error);
}

}  // namespace
}  // namespace treino
