// The digits example through foveac's files: every stage fed back in gives the same objects, and schedules edited by
// hand give other objects with the same results.
#include "digits.h"

#include "test/TemporaryFolder.h"
#include "test/run/Trained.h"

#include <dlfcn.h>
#include <map>
#include <regex>

namespace fs = std::filesystem;

namespace {

struct Stages : fovea::TemporaryFolder {
  /// Runs foveac for any x86-64 machine.
  void foveac(const std::string &input, const std::string &to, const std::string &output) {
    std::string command = std::string("'" FOVEAC "' '") + input + "' --name=digits --target=x86-64 --compile-to=" + to +
                          " -o '" + path(output) + "'";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
  }
  std::string path(const std::string &name) const { return (folder / name).string(); }

  std::map<std::string, std::string> filesIn(const std::string &name) const {
    std::map<std::string, std::string> files;
    for (const auto &entry : fs::directory_iterator(folder / name))
      files[entry.path().filename().string()] = bytesOf(entry.path().string());
    return files;
  }
};

/// Losses of three steps, then logits, of the model in a shared library.
std::vector<float> run(const std::string &library, int64_t batch) {
  void *handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) throw std::runtime_error(dlerror());
#define FUNCTION(name) auto name = reinterpret_cast<decltype(&digits_##name)>(dlsym(handle, "digits_" #name))
  FUNCTION(create);
  FUNCTION(destroy);
  FUNCTION(train_step);
  FUNCTION(forward);
#undef FUNCTION
  digits_options options = DIGITS_OPTIONS_DEFAULT;
  options.threads = 2;
  options.sizes.batch = batch;
  digits *model = create(&options);
  std::vector<float> results(3 + batch * 10);
  auto label = labelsFor(batch);
  for (int step = 0; step < 3; ++step)
    EXPECT_EQ(train_step(model, batch, pictures<float>(batch, step).data(), label.data(), 1e-3f, &results[step]), 0);
  EXPECT_EQ(forward(model, batch, pictures<float>(batch, 9).data(), &results[3]), 0);
  destroy(model);
  dlclose(handle);
  return results;
}

} // namespace

TEST_F(Stages, FedBackGiveTheSameObjects) {
  foveac(MODEL, "object", "straight");
  auto straight = filesIn("straight");
  EXPECT_GT(straight.size(), 20u);
  std::string before = MODEL;
  for (const char *stage : {"model", "grad", "optimized", "kernels"}) {
    std::string file = std::string(stage) + ".mlir";
    foveac(before, stage, file);
    foveac(path(file), "object", stage);
    auto objects = filesIn(stage);
    EXPECT_EQ(objects.size(), straight.size()) << stage;
    for (const auto &[name, bytes] : straight) EXPECT_TRUE(objects[name] == bytes) << name << " by way of " << stage;
    before = path(file);
  }
}

TEST_F(Stages, EditedSchedulesGiveTheSameResults) {
  foveac(MODEL, "kernels", "kernels.mlir");
  std::string text = bytesOf(path("kernels.mlir"));
  foveac(path("kernels.mlir"), "shared", "chosen");
  auto expected = run(path("chosen/digits.so"), 17);
  struct Edit {
    const char *what, *from, *to;
  };
  for (auto [what, from, to] :
       {Edit{"rows", R"((nmkn", rows = )\d+)", "$012"}, Edit{"columns", R"((nmkn", .*columns = )\d+)", "$014"},
        Edit{"width", R"((nmkn", .*columns = 12, .*width = )\d+)", "$0160"},
        Edit{"task", R"((Rn", .*task = )\d+)", "$017"}, Edit{"attention", R"((B[Ii]ijd", .*task = )\d+)", "$018"}}) {
    std::string edited = std::regex_replace(text, std::regex(from), to);
    ASSERT_NE(edited, text) << what;
    std::ofstream(path(std::string(what) + ".mlir")) << edited;
    foveac(path(std::string(what) + ".mlir"), "shared", what);
    EXPECT_FALSE(filesIn(what)["digits.so"] == filesIn("chosen")["digits.so"]) << what;
    auto results = run(path(std::string(what) + "/digits.so"), 17);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_NEAR(results[i], expected[i], 1e-5) << what; // rounding may differ
  }
}
