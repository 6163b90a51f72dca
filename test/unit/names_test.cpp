// Names in lowered code are exchanged for those that were asked for.
#include "lib/halide/Names.h"

#include <gtest/gtest.h>

TEST(Names, AreExchangedInOnePass) {
  EXPECT_EQ(fovea::restoreNames("sum$3[x] = sum$2[x]", {{"sum$2", "sum$3"}, {"sum$3", "sum_2"}}),
            "sum_2[x] = sum$3[x]");
}

TEST(Names, AreNotThoseThatGoOn) { EXPECT_EQ(fovea::restoreNames("sum$1 sum$12", {{"sum$1", "sum"}}), "sum sum$12"); }
