// The emulator by itself: what kernels compute, and what it says of those that a GPU would leave undefined.
#include "test/cuda/Machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace fovea::ptx;
using testing::HasSubstr;

namespace {

/// A kernel of one pointer, %rd1 to a thread's own element of 4 bytes, %r1 the thread.
class Ptx : public testing::Test {
protected:
  std::string run(const std::string &body, uint32_t threads = 64, uint32_t blocks = 1) {
    std::string text =
        ".version 7.0\n.target sm_80\n.visible .entry kernel(\n.param .u64 .ptr .align 1 kernel_param_0\n)\n{\n"
        ".reg .pred %p<9>;\nld.param.b64 %rd2, [kernel_param_0];\ncvta.to.global.u64 %rd3, %rd2;\n"
        "mov.u32 %r1, %tid.x;\nmul.wide.u32 %rd4, %r1, 4;\nadd.s64 %rd1, %rd3, %rd4;\n" +
        body + "\nret;\n}\n";
    auto first = reinterpret_cast<uint64_t>(memory.data()), last = first + 4 * memory.size();
    try {
      Module module(text);
      fovea::ptx::run(module.entries.at("kernel"), {{blocks, 1, 1}, {threads, 1, 1}, sharedBytes, {first}},
                      [&](uint64_t address, size_t bytes) { return address >= first && address + bytes <= last; });
      return "";
    } catch (const Error &error) {
      return error.what();
    }
  }

  std::vector<uint32_t> memory = std::vector<uint32_t>(64);
  uint32_t sharedBytes = 256;
};

TEST_F(Ptx, ThreadsHaveTheirOwnPaths) {
  EXPECT_EQ(run("mov.b32 %r2, 0;\nmov.b32 %r3, 0;\n$loop:\nadd.s32 %r3, %r3, %r2;\nadd.s32 %r2, %r2, 1;\n"
                "setp.le.u32 %p1, %r2, %r1;\n@%p1 bra $loop;\nst.global.b32 [%rd1], %r3;"),
            "");
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i], i * (i + 1) / 2);
}

TEST_F(Ptx, HalvesAreRounded) {
  // 1 + 2^-10 and 2^-11: their sum is between two halves, of which the even one is 1 + 2^-9. And NaN.
  memory[0] = 0x3c01, memory[1] = 0x1000, memory[2] = 0x7e00;
  EXPECT_EQ(run("ld.global.b16 %rs1, [%rd3];\nld.global.b16 %rs2, [%rd3+4];\nld.global.b16 %rs3, [%rd3+8];\n"
                "add.f16 %rs4, %rs1, %rs2;\nsetp.gt.f16 %p1, %rs1, %rs2;\nselp.b16 %rs5, %rs1, %rs2, %p1;\n"
                "setp.eq.f16 %p2, %rs3, %rs3;\nselp.b16 %rs6, %rs1, %rs2, %p2;\n"
                "setp.ne.u32 %p3, %r1, 0;\n@%p3 bra $end;\nst.global.b16 [%rd3], %rs4;\n"
                "st.global.b16 [%rd3+4], %rs5;\nst.global.b16 [%rd3+8], %rs6;\n$end:"),
            "");
  EXPECT_EQ(memory[0], 0x3c02);
  EXPECT_EQ(memory[1], 0x3c01);
  EXPECT_EQ(memory[2], 0x1000);
}

TEST_F(Ptx, LanesExchange) {
  EXPECT_EQ(run("shfl.sync.bfly.b32 %r2, %r1, 5, 31, -1;\nst.global.b32 [%rd1], %r2;"), "");
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i], i ^ 5);
  EXPECT_EQ(run("shfl.sync.down.b32 %r2, %r1, 3, 31, -1;\nst.global.b32 [%rd1], %r2;"), "");
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i], i % 32 < 29 ? i + 3 : i);
  EXPECT_THAT(run("setp.lt.u32 %p1, %r1, 40;\n@%p1 bra $some;\nbra.uni $end;\n$some:\n"
                  "shfl.sync.idx.b32 %r2, %r1, 0, 31, -1;\n$end:"),
              HasSubstr("an exchange among all lanes of a warp, of which some are elsewhere"));
}

TEST_F(Ptx, ThreadsMeetAtBarriersOnly) {
  std::string shares = "mov.b64 %rd5, 0;\nadd.s64 %rd6, %rd5, %rd4;\nst.shared.b32 [%rd6], %r1;\n",
              reads = "xor.b32 %r2, %r1, 63;\nmul.wide.u32 %rd7, %r2, 4;\nld.shared.b32 %r3, [%rd7];\n"
                      "st.global.b32 [%rd1], %r3;";
  EXPECT_EQ(run(shares + "bar.sync 0;\n" + reads), "");
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i], i ^ 63);
  EXPECT_THAT(run(shares + reads), HasSubstr("meet in shared memory"));
  auto apart = HasSubstr("a barrier that lanes of a warp pass apart");
  EXPECT_THAT(run("setp.lt.u32 %p1, %r1, 40;\n@%p1 bra $end;\nbar.sync 0;\n$end:"), apart);
  EXPECT_THAT(run("setp.lt.u32 %p1, %r1, 40;\n@%p1 bra $some;\nbar.sync 0;\nbra.uni $end;\n$some:\nbar.sync 0;\n$end:"),
              apart);
}

TEST_F(Ptx, LanesMeetAtABarrierFromWhereverTheyCome) {
  EXPECT_EQ(run("mov.b32 %r2, 0;\nbra.uni $begin;\n$some:\nmov.b32 %r2, 7;\n$all:\nbar.sync 0;\n"
                "st.global.b32 [%rd1], %r2;\nbra.uni $end;\n$begin:\nsetp.lt.u32 %p1, %r1, 40;\n@%p1 bra $some;\n"
                "mov.b32 %r2, 3;\nbra.uni $all;\n$end:"),
            "");
  for (uint32_t i = 0; i < 64; ++i) EXPECT_EQ(memory[i], i < 40 ? 7 : 3);
}

TEST_F(Ptx, MemoryHasBounds) {
  EXPECT_THAT(run("st.global.b32 [%rd1+4], %r1;"), HasSubstr("outside of the device's memory by thread 63"));
  EXPECT_THAT(run("ld.global.b64 %rd5, [%rd1];"), HasSubstr("no multiple of what is accessed"));
  sharedBytes = 128;
  EXPECT_THAT(run("st.shared.b32 [%rd4], %r1;"), HasSubstr("outside of shared memory"));
  EXPECT_THAT(run("vote.sync.any.pred %p1, %p2, -1;"), HasSubstr("the emulator has no vote.sync.any.pred"));
}

} // namespace
