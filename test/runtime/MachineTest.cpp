#include "Handle.h"
#include "Model.h"

namespace {

struct ThreeTargets : TestModel {
  char message[FOVEA_MESSAGE_BYTES] = "";

  ThreeTargets() {
    programs.resize(3, programs[0]);
    programs[0].target = "x86-64-v4", programs[0].cpu_features = FOVEA_CPU_AVX | FOVEA_CPU_AVX512;
    programs[1].target = "x86-64-v3", programs[1].cpu_features = FOVEA_CPU_AVX | FOVEA_CPU_AVX2 | FOVEA_CPU_FMA;
    refresh();
  }
  std::string select(const char *target, uint64_t features) {
    const fovea_program *program = fovea::select_program(&model, target, features, false, message);
    return program ? program->target : message;
  }
};

TEST(SelectProgram, TakesTheFirstThatRuns) {
  ThreeTargets model;
  EXPECT_EQ(model.select(nullptr, ~uint64_t{0}), "x86-64-v4");
  EXPECT_EQ(model.select(nullptr, FOVEA_CPU_AVX | FOVEA_CPU_AVX2 | FOVEA_CPU_FMA | FOVEA_CPU_F16C), "x86-64-v3");
  EXPECT_EQ(model.select(nullptr, FOVEA_CPU_AVX), "x86-64");
  EXPECT_EQ(model.select("x86-64", ~uint64_t{0}), "x86-64");
}

TEST(SelectProgram, SaysWhatIsMissing) {
  ThreeTargets model;
  EXPECT_EQ(model.select("cuda-sm80", 0),
            "model 'digits': target 'cuda-sm80' is not in this library, which has x86-64-v4, x86-64-v3, x86-64");
  EXPECT_EQ(model.select("x86-64-v3", FOVEA_CPU_AVX),
            "model 'digits': target 'x86-64-v3' needs AVX2, FMA, which this machine lacks (it has AVX); leave "
            "options.target NULL to use the best that it runs");
  model.programs.pop_back();
  model.refresh();
  EXPECT_EQ(model.select(nullptr, 0),
            "model 'digits': no target of this library runs on this machine, which has none beyond x86-64: x86-64-v4 "
            "needs AVX, AVX-512; x86-64-v3 needs AVX, AVX2, FMA; compile the model for x86-64 as well");
}

TEST(SelectProgram, CreateReportsIt) {
  ThreeTargets model;
  model.options.target = "x86-64-v5";
  EXPECT_NE(model.refusal().find("target 'x86-64-v5' is not in this library"), std::string::npos);
  model.options.target = "x86-64";
  Handle handle(model);
  EXPECT_STREQ(fovea_target(handle), "x86-64");
}

// The compiler's own detection is the reference.
TEST(MachineCpuFeatures, AgreesWithTheCompilers) {
  uint64_t features = fovea::machine_cpu_features();
  auto check = [&](uint64_t bit, bool expected) { EXPECT_EQ((features & bit) != 0, expected) << bit; };
  check(FOVEA_CPU_AVX, __builtin_cpu_supports("avx"));
  check(FOVEA_CPU_AVX2, __builtin_cpu_supports("avx2"));
  check(FOVEA_CPU_FMA, __builtin_cpu_supports("fma"));
  check(FOVEA_CPU_AVX512, __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                              __builtin_cpu_supports("avx512vl"));
  check(FOVEA_CPU_AVX512_VNNI, __builtin_cpu_supports("avx512vnni"));
  check(FOVEA_CPU_AVX512_BF16, __builtin_cpu_supports("avx512bf16"));
}

} // namespace
