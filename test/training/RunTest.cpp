// Runs of a model that is one number: what they leave behind, their end, and their resumption to the same bits.
#include "training/Run.h"

#include "../TemporaryFolder.h"
#include "FullDisk.h"
#include "formats/File.h"
#include "training/CommandLine.h"
#include "training/Report.h"

#include <cmath>
#include <csignal>

namespace fovea::training {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

using TrainingRun = Run; // tests have a Run of their own

class RunTest : public TemporaryFolder {
protected:
  std::string content(const std::string &name) const {
    const formats::Bytes bytes = formats::readFile(folder / name);
    return {bytes.begin(), bytes.end()};
  }

  /// Steps of 3, 3 and 1 of 7 items towards 1; the loss is the distance.
  Training training() {
    Training result;
    result.items = 7;
    result.batch = 3;
    result.epochs = 4;
    result.metrics = {"nearness"};
    result.rate = cosineSchedule(0.5, 0.01, 12);
    result.step = [this](int64_t step, double rate) {
      onStep(step);
      const double loss = std::abs(1 - weight);
      weight += rate * (1 - weight);
      return std::vector<double>{loss};
    };
    result.test = [this](int64_t epoch) { return Tested{{1 / (1 + std::abs(1 - weight))}}; };
    result.saveCheckpoint = [this](const std::filesystem::path &path) {
      char text[64];
      std::snprintf(text, sizeof text, "%a", weight);
      formats::writeFile(path, text);
    };
    result.loadCheckpoint = [this](const std::filesystem::path &path) {
      const formats::Bytes bytes = formats::readFile(path);
      weight = std::stod(std::string(bytes.begin(), bytes.end()));
    };
    return result;
  }
  Settings settings() {
    return {{"rate", &rate}, {"name", &name}, {"seed", &seed}, {"quick", &quick}, {"size", &size}};
  }
  TrainingRun begin() { return TrainingRun(folder, settings(), {}, training()); }
  TrainingRun resume() { return TrainingRun(folder, settings(), loadRun(folder, settings()), training()); }

  double weight = 0;
  std::function<void(int64_t)> onStep = [](int64_t) {};
  double rate = 0.1 + 0.2; // needs all its digits
  std::string name = "a \"name\"";
  uint64_t seed = UINT64_MAX;
  bool quick = true;
  int64_t size = -3;
};

TEST_F(RunTest, LeavesLogsAndOneCheckpoint) {
  TrainingRun run = begin();
  EXPECT_TRUE(run.train());
  EXPECT_EQ(run.step(), 12);
  EXPECT_EQ(run.epoch(), 4);
  EXPECT_EQ(run.losses().rows().size(), 12u);
  EXPECT_EQ(run.losses().rows()[0], (Row{1, 1, 0.5}));
  ASSERT_EQ(run.metrics().rows().size(), 4u);
  const std::vector<Row> &losses = run.losses().rows();
  EXPECT_NEAR(run.metrics().rows()[1][1], (losses[3][1] + losses[4][1] + losses[5][1]) / 3, 1e-8);
  EXPECT_THAT(content("loss.csv"), StartsWith("step,loss,rate\n1,1,0.5\n"));
  EXPECT_THAT(content("metrics.csv"), StartsWith("epoch,loss,nearness\n1,"));
  EXPECT_EQ(run.checkpoint(), folder / "checkpoint-12.safetensors");
  EXPECT_EQ(fileCount(), 5u);
}

TEST_F(RunTest, ContinuesToTheSameBits) {
  EXPECT_TRUE(begin().train());
  const std::string losses = content("loss.csv"), metrics = content("metrics.csv"), state = content("run.json"),
                    checkpoint = content("checkpoint-12.safetensors");
  const size_t events = readRecords(folder / "events.out.tfevents.fovea").size();
  for (int64_t stop : {0, 2, 4, 11}) {
    weight = 0;
    onStep = [&](int64_t step) {
      if (step == stop) std::raise(SIGINT);
    };
    EXPECT_FALSE(begin().train()) << stop;
    EXPECT_NE(content("loss.csv"), stop == 11 ? "" : losses);
    weight = -7;
    onStep = [](int64_t) {};
    EXPECT_TRUE(resume().train());
    EXPECT_EQ(content("loss.csv"), losses) << stop;
    EXPECT_EQ(content("metrics.csv"), metrics) << stop;
    EXPECT_EQ(content("run.json"), state) << stop;
    EXPECT_EQ(content("checkpoint-12.safetensors"), checkpoint) << stop;
    EXPECT_EQ(readRecords(folder / "events.out.tfevents.fovea").size(), events) << stop;
    EXPECT_EQ(fileCount(), 5u);
  }
}

TEST_F(RunTest, ContinuesAfterAKill) { // rows beyond the last checkpoint are done again
  EXPECT_TRUE(begin().train());
  const std::string losses = content("loss.csv"), metrics = content("metrics.csv");
  weight = 0;
  onStep = [&](int64_t step) {
    if (step == 8) throw Error("killed");
  };
  EXPECT_EQ(errorOf([&] { begin().train(); }),
            "killed; checkpoint-6.safetensors is good: --resume --out " + folder.string() + " continues there");
  formats::writeFile(folder / "loss.csv", content("loss.csv") + "9,0.");
  onStep = [](int64_t) {};
  EXPECT_TRUE(resume().train());
  EXPECT_EQ(content("loss.csv"), losses);
  EXPECT_EQ(content("metrics.csv"), metrics);
}

TEST_F(RunTest, SavesWithinLongEpochs) {
  Training often = training();
  often.saveSeconds = 0;
  onStep = [&](int64_t step) {
    if (step == 5) throw Error("killed");
  };
  EXPECT_THAT(errorOf([&] { TrainingRun(folder, settings(), {}, often).train(); }),
              HasSubstr("checkpoint-5.safetensors is good"));
}

TEST_F(RunTest, EndsEarly) {
  Training stopped = training();
  stopped.epochs = 100;
  stopped.stopping = EarlyStopping{2, 0.2, true};
  TrainingRun run(folder, settings(), {}, stopped);
  EXPECT_TRUE(run.train());
  const int64_t ended = run.epoch();
  EXPECT_GT(ended, 2);
  EXPECT_LT(ended, 10);
  TrainingRun again(folder, settings(), loadRun(folder, settings()), stopped);
  EXPECT_TRUE(again.train());
  EXPECT_EQ(again.epoch(), ended);
}

TEST_F(RunTest, LossThatIsNotFinite) {
  onStep = [this](int64_t step) { weight = step == 4 ? NAN : weight; };
  EXPECT_THAT(
      errorOf([&] { begin().train(); }),
      HasSubstr(
          "the loss is no longer finite at step 5, whose learning rate was 0.356777: start anew with a lower --rate"));
  onStep = [this](int64_t step) { weight = INFINITY; };
  EXPECT_THAT(errorOf([&] { begin().train(); }), HasSubstr("nothing of the run was saved before"));
}

TEST_F(RunTest, FullDiskLeavesTheLastCheckpoint) {
  TrainingRun run = begin();
  onStep = [](int64_t step) {
    static std::unique_ptr<FullDisk> full;
    if (step == 4) full = std::make_unique<FullDisk>(150);
    if (step == 99) full.reset();
  };
  const std::string message = errorOf([&] { run.train(); });
  onStep(99);
  EXPECT_THAT(message, HasSubstr("cannot write"));
  EXPECT_THAT(message, HasSubstr("checkpoint-3.safetensors is good"));
  onStep = [](int64_t) {};
  EXPECT_TRUE(resume().train());
  EXPECT_EQ(content("loss.csv").substr(0, 15), "step,loss,rate\n");
}

TEST_F(RunTest, FailedSaveKeepsTheFormerRun) {
  Training failing = training();
  auto save = failing.saveCheckpoint;
  failing.saveCheckpoint = [&](const std::filesystem::path &path) {
    if (path.filename() == "checkpoint-9.safetensors") throw Error("no space left");
    save(path);
  };
  EXPECT_THAT(errorOf([&] { TrainingRun(folder, settings(), {}, failing).train(); }),
              StartsWith("no space left; checkpoint-6.safetensors is good"));
  EXPECT_EQ(loadRun(folder, settings()).step, 6);
  EXPECT_NE(content("checkpoint-6.safetensors"), "");
}

TEST_F(RunTest, SettingsRoundTrip) {
  EXPECT_TRUE(begin().train());
  rate = 0, name = "", seed = 0, quick = false, size = 0;
  const RunState state = loadRun(folder, settings());
  EXPECT_EQ(state.step, 12);
  EXPECT_EQ(state.items, 7);
  EXPECT_EQ(rate, 0.1 + 0.2);
  EXPECT_EQ(name, "a \"name\"");
  EXPECT_EQ(seed, UINT64_MAX);
  EXPECT_TRUE(quick);
  EXPECT_EQ(size, -3);
  EXPECT_EQ(textOf(&name), name);
  EXPECT_EQ(textOf(&rate), "0.30000000000000004");
  EXPECT_EQ(textOf(&quick), "true");
}

TEST_F(RunTest, Errors) {
  auto loadError = [&](const std::string &text) {
    formats::writeFile(folder / "run.json", text);
    return errorOf([&] { loadRun(folder, settings()); });
  };
  EXPECT_THAT(errorOf([&] { resume(); }), HasSubstr("holds no run.json, so there is no run to continue"));
  EXPECT_THAT(loadError("{"), HasSubstr("run.json: is not what a training run wrote ("));
  EXPECT_THAT(loadError("{}"), HasSubstr("key 'step' not found"));
  begin().train();
  const std::string text = content("run.json");
  auto with = [&](const std::string &old, const std::string &replacement) {
    std::string changed = text;
    return loadError(changed.replace(changed.find(old), old.size(), replacement));
  };
  EXPECT_THAT(with("checkpoint-12", "../checkpoint-12"),
              HasSubstr("names the checkpoint \"../checkpoint-12.safetensors\""));
  EXPECT_THAT(with("\"quick\"", "\"slow\""), HasSubstr("has the setting \"slow\", which this program does not take"));
  EXPECT_THAT(with("\"quick\": true,", ""), HasSubstr("lacks the setting \"quick\", which this program takes"));
  EXPECT_THAT(with("\"quick\": true", "\"quick\": 3"),
              HasSubstr("the setting \"quick\" is 3, where a boolean is expected"));
  for (size_t length = 0; length + 2 < text.size(); length += 7)
    EXPECT_NE(loadError(text.substr(0, length)), "") << length << " bytes";

  formats::writeFile(folder / "run.json", text);
  Training other = training();
  other.items = 8;
  EXPECT_THAT(errorOf([&] { TrainingRun(folder, settings(), loadRun(folder, settings()), other); }),
              HasSubstr("the run began with 7 items in an epoch, but now there are 8"));
  formats::writeFile(folder / "loss.csv", "step,loss,rate\n1,1,1\n");
  EXPECT_THAT(errorOf([&] { resume(); }), HasSubstr("loss.csv: has 1 rows for 1 to 12 of the step column"));
  other.items = 0;
  EXPECT_THAT(errorOf([&] { TrainingRun(folder, settings(), {}, other); }),
              HasSubstr("an epoch of 0 items in steps of 3"));
}

TEST_F(RunTest, ANewRunTakesTheFolderOver) {
  begin().train();
  onStep = [](int64_t) { throw Error("at once"); };
  EXPECT_THAT(errorOf([&] { begin().train(); }), HasSubstr("nothing of the run was saved"));
  EXPECT_THAT(errorOf([&] { resume(); }), HasSubstr("holds no run.json"));
}

TEST_F(RunTest, ReportsItself) {
  TrainingRun run = begin();
  run.train();
  const std::string page = pageOf(run, "A run").html();
  EXPECT_THAT(page, HasSubstr("<td>rate</td><td>0.30000000000000004</td>"));
  EXPECT_THAT(page, HasSubstr("<td>a &quot;name&quot;</td>"));
  EXPECT_THAT(page, HasSubstr("<th>nearness</th>"));
  EXPECT_THAT(page, HasSubstr("src=\"data:image/png;base64,iVBOR"));
  EXPECT_EQ(metricCurves(run, "t", {"near"}, {2}).width(), lossCurve(run).width());
}

class CommandLineTest : public TemporaryFolder {
protected:
  /// The exit code; what went to stderr is in `said`.
  int run(std::vector<std::string> words, const std::function<bool(CommandLine &)> &train) {
    CommandLine line({"Learns.", (folder / "out").string(), "digits", "a folder", 8, 3, 64, 0.125});
    line.add("--width", &width, "of layers");
    line.add("--flag", &flag, "a choice");
    words.insert(words.begin(), "/somewhere/program");
    std::vector<char *> arguments;
    for (std::string &word : words) arguments.push_back(word.data());
    testing::internal::CaptureStderr();
    const int code = line.run(static_cast<int>(arguments.size()), arguments.data(), [&] { return train(line); });
    said = testing::internal::GetCapturedStderr();
    return code;
  }
  int64_t width = 32;
  bool flag = false;
  std::string said;
};

TEST_F(CommandLineTest, DefaultsAndChoices) {
  ::unsetenv("FOVEA_DATA");
  EXPECT_EQ(run({},
                [&](CommandLine &line) {
                  EXPECT_EQ(line.options.epochs, 8);
                  EXPECT_EQ(line.options.rate, 0.125);
                  EXPECT_EQ(line.options.data, "");
                  EXPECT_FALSE(line.begun());
                  EXPECT_EQ(line.settings().size(), 8u);
                  return true;
                }),
            0);
  EXPECT_EQ(run({"--quick", "--width", "5", "--flag", "--data", "d"},
                [&](CommandLine &line) {
                  EXPECT_EQ(line.options.epochs, 3);
                  EXPECT_EQ(width, 5);
                  EXPECT_TRUE(flag);
                  EXPECT_EQ(line.options.data, (std::filesystem::current_path() / "d").string());
                  return false;
                }),
            130);
  EXPECT_EQ(run({"--quick", "--epochs", "9"}, [&](CommandLine &line) { return line.options.epochs == 9; }), 0);
  std::filesystem::create_directory(folder / "digits");
  ::setenv("FOVEA_DATA", folder.c_str(), 1);
  EXPECT_EQ(run({}, [&](CommandLine &line) { return line.options.data == (folder / "digits").string(); }), 0);
  ::unsetenv("FOVEA_DATA");
}

TEST_F(CommandLineTest, Resumes) {
  RunState state{5, 10, ""};
  EXPECT_EQ(run({"--width", "7", "--data", "/d"},
                [&](CommandLine &line) {
                  saveRun(line.options.out, line.settings(), state, [](const std::filesystem::path &) {});
                  return true;
                }),
            0);
  width = 1;
  EXPECT_EQ(run({"--resume"},
                [&](CommandLine &line) {
                  EXPECT_EQ(line.begun()->step, 5);
                  EXPECT_EQ(width, 7);
                  EXPECT_EQ(line.options.data, "/d");
                  return true;
                }),
            0);
  EXPECT_EQ(run({"--resume", "--data", "/moved"}, [&](CommandLine &line) { return line.options.data == "/moved"; }), 0);
  EXPECT_EQ(run({"--resume", "--width", "3"}, [](CommandLine &) { return true; }), 1);
  EXPECT_THAT(said, HasSubstr("--resume excludes --width"));
}

TEST_F(CommandLineTest, Errors) {
  auto fine = [](CommandLine &) { return true; };
  EXPECT_EQ(run({"--rate", "-1"}, fine), 1);
  EXPECT_THAT(said, HasSubstr("must be a number above zero"));
  EXPECT_EQ(run({"--speed"}, fine), 1);
  EXPECT_EQ(run({"--resume", "--out", (folder / "none").string()}, fine), 1);
  EXPECT_THAT(said, StartsWith("program: " + (folder / "none").string() + ": holds no run.json"));
  formats::writeFile(folder / "file", "");
  EXPECT_EQ(run({"--out", (folder / "file").string()}, fine), 1);
  EXPECT_THAT(said, HasSubstr("file: "));
  EXPECT_EQ(run({}, [](CommandLine &) -> bool { throw Error("a reason"); }), 1);
  EXPECT_EQ(said, "program: a reason\n");
}

} // namespace
} // namespace fovea::training
