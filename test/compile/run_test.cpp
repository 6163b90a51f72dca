// A training run of a model that is compiled in process: it continues to the same bits, and refuses another model's
// checkpoint.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "formats/File.h"
#include "test/TemporaryFolder.h"
#include "test/training/FullDisk.h"
#include "training/Run.h"

#include <csignal>
#include <functional>

using namespace fovea;
using namespace fovea::training;

namespace {

Model curve(int64_t width) {
  Model curve("curve");
  Dim batch = curve.symbol("batch");
  Tensor x = curve.input("x", {batch, 1}), y = curve.input("y", {batch, 1});
  Tensor hidden = dropout(tanh(nn::Linear(curve / "hidden", 1, width)(x)), 0.1);
  Tensor error = nn::Linear(curve / "out", width, 1)(hidden) - y;
  curve.output("error", error);
  curve.train(mean(error * error), AdamW{.weight_decay = 0.01}, {.ema = 0.9});
  return curve;
}

class ProgramRun : public TemporaryFolder {
protected:
  static constexpr int64_t points = 8;

  /// A run of a new program to its end (true), or to an interruption (false).
  bool train(
      int64_t width, bool resumed, const std::function<void(int64_t step)> &onStep = [](int64_t) {}) {
    Program program = compile(curve(width), {.sizes = {{"batch", points}}, .seed = 5});
    std::vector<float> x(points), y(points);
    for (int i = 0; i < points; ++i) x[i] = float(i) / points, y[i] = x[i] * x[i];
    Training training;
    training.items = 3 * points;
    training.batch = points;
    training.epochs = 3;
    training.rate = constantSchedule(0.01);
    training.step = [&](int64_t step, double rate) {
      onStep(step);
      float loss = 0;
      program.train_step(points, x, y, rate, &loss);
      return std::vector<double>{loss};
    };
    training.saveCheckpoint = [&](const std::filesystem::path &path) { program.save_checkpoint(path.string()); };
    training.loadCheckpoint = [&](const std::filesystem::path &path) { program.load_checkpoint(path.string()); };
    const Settings settings{{"width", &width}};
    std::optional<RunState> begun;
    if (resumed) begun = loadRun(folder, {{"width", &ignored}});
    return fovea::training::Run(folder, settings, begun, training).train();
  }
  formats::Bytes content(const char *name) const { return formats::readFile(folder / name); }

  int64_t ignored = 0;
};

TEST_F(ProgramRun, ContinuesToTheSameBits) {
  EXPECT_TRUE(train(4, false));
  const formats::Bytes losses = content("loss.csv"), checkpoint = content("checkpoint-9.safetensors");
  EXPECT_FALSE(train(4, false, [](int64_t step) {
    if (step == 4) std::raise(SIGINT);
  }));
  EXPECT_TRUE(train(4, true));
  EXPECT_EQ(content("loss.csv"), losses);
  EXPECT_EQ(content("checkpoint-9.safetensors"), checkpoint);
}

TEST_F(ProgramRun, RefusesAnotherModelsOrADamagedCheckpoint) {
  EXPECT_TRUE(train(4, false));
  EXPECT_THAT(errorOf([&] { train(5, true); }), testing::HasSubstr("checkpoint-9.safetensors"));
  const formats::Bytes checkpoint = content("checkpoint-9.safetensors");
  formats::writeFile(folder / "checkpoint-9.safetensors", checkpoint.data(), checkpoint.size() / 2);
  EXPECT_THAT(errorOf([&] { train(4, true); }), testing::HasSubstr("checkpoint-9.safetensors"));
  formats::writeFile(folder / "checkpoint-9.safetensors", checkpoint.data(), checkpoint.size());
  EXPECT_TRUE(train(4, true)) << "nothing was harmed";
}

TEST_F(ProgramRun, FullDiskLeavesTheLastCheckpoint) {
  constexpr int64_t width = 256; // the checkpoint is larger than all logs
  std::unique_ptr<FullDisk> full;
  auto fill = [&](int64_t step) {
    if (step == 4) full = std::make_unique<FullDisk>(4000);
  };
  const std::string message = errorOf([&] { train(width, false, fill); });
  full.reset();
  EXPECT_THAT(message, testing::HasSubstr("checkpoint-6.safetensors"));
  EXPECT_THAT(message, testing::HasSubstr("checkpoint-3.safetensors is good: --resume --out"));
  EXPECT_EQ(fileCount(), 5u) << "no half of a checkpoint";
  EXPECT_TRUE(train(width, true));
}

} // namespace
