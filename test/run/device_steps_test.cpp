// Steps of training of every system and lesson on a device beside the processor: losses, gradients, where the
// parameters go, and the same bits twice; those that take long in tests of label slow. FOVEA_DEVICE_TARGET names
// another target than opencl.
#include "test/run/device_steps_models.h"

#include "a-multi-task/model.h"
#include "b-classifier/model.h"
#include "c-detector/model.h"
#include "d-white-patch/model.h"
#include "e-resnet/model.h"
#include "f-retrieval/model.h"

#include "lib/emit/Cache.h"
#include "lib/emit/LoadedModel.h"
#include "lib/halide/Lowering.h"
#include "lib/runtime/program.h"
#include "test/Devices.h"
#include "tools/Register.h"

#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

#include <cmath>
#include <random>

using namespace fovea;

namespace {

constexpr float rate = 1e-3f;
constexpr int steps = 3;

std::vector<TrainedModel> models(bool slow) {
  std::vector<TrainedModel> all = {
      {"a_multi_task", [] { return multi_task::make(); }, {{"digit", {0, 10}}, {"ink", {0, 4}}}},
      {"b_classifier", [] { return classifier::make(); }, {{"label", {0, 10}}}},
      {"c_detector", [] { return detection::make(); }, {{"object", {0, 1}}, {"label", {0, 5}}}, 4, true},
      {"d_white_patch",
       [] { return white_patch::model(white_patch::Layer::cbam_spatial); },
       {{"label", {0, 1}}},
       4,
       true},
      // Its last batch norms are of four numbers for an item.
      {"e_resnet", [] { return resnet::make("resnet"); }, {{"label", {0, 10}}}, 16, true},
      {"f_retrieval",
       [] { return retrieval::trained({}); },
       {{"label", {0, 10}}, {"index", {0, 100}}, {"gallery_label", {0, 10}}, {"gallery_index", {100, 200}}},
       4,
       true}};
  for (TrainedModel &lesson : lessonModels()) all.push_back(std::move(lesson));
  llvm::erase_if(all, [&](const TrainedModel &each) { return each.slow != slow; });
  return all;
}

std::string deviceTarget() {
  const char *given = std::getenv("FOVEA_DEVICE_TARGET");
  return given ? given : "opencl";
}

using Numbers = std::vector<float>;

double norm(const Numbers &numbers) {
  double sum = 0;
  for (float number : numbers) sum += double(number) * number;
  return std::sqrt(sum);
}
Numbers difference(const Numbers &a, const Numbers &b) {
  Numbers result(a.size());
  for (size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

struct Results {
  Numbers losses;
  std::map<std::string, Numbers> gradients, before, after; // the first step's; parameters
  bool operator==(const Results &other) const {
    return losses == other.losses && gradients == other.gradients && after == other.after;
  }
};

/// A model that is compiled for the processor and for the device.
class Compiled {
public:
  explicit Compiled(const TrainedModel &of) : of(of) {
    mlir::DialectRegistry registry;
    registerDialects(registry);
    registerLowerings(registry);
    mlir::MLIRContext context(registry);
    Model model = of.make();
    CompileOptions options;
    options.name = model.name();
    options.targets = "x86-64-v3+" + deviceTarget();
    options.cache = Cache::defaultFolder();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), &context);
    auto compiled = compileModel(*module, options);
    if (mlir::succeeded(compiled)) loaded = llvm::cantFail(LoadedModel::load(*compiled, options));
  }

  explicit operator bool() const { return loaded != nullptr; }

  Results train(const std::string &target) const {
    fovea_options options = {};
    options.struct_size = sizeof options;
    options.threads = 2;
    options.seed = 2; // with 1 a ReLU in E falls the other way on PoCL
    options.target = target.c_str();
    for (size_t i = 0; i < loaded->sizes().size(); ++i) options.sizes[i] = of.batch;
    void *handle = loaded->function<void *(const fovea_options *)>("create")(&options);
    Results results;
    EXPECT_NE(handle, nullptr) << loaded->function<const char *(const void *)>("last_error")(nullptr);
    if (!handle) return results;
    results.before = states(handle, false);
    results.losses.push_back(call(handle, "gradients", 0));
    results.gradients = states(handle, true);
    call(handle, "update", 0);
    for (int step = 1; step < steps; ++step) results.losses.push_back(call(handle, "train_step", step));
    results.after = states(handle, false);
    loaded->function<void(void *)>("destroy")(handle);
    return results;
  }

private:
  /// Parameters, or their gradients.
  std::map<std::string, Numbers> states(void *handle, bool gradients) const {
    std::map<std::string, Numbers> result;
    llvm::SmallVector<int64_t> sizes(loaded->sizes().size(), of.batch);
    for (const LoadedModel::Tensor &tensor : loaded->state()) {
      bool isGradient = llvm::StringRef(tensor.name).starts_with("gradient/");
      bool isParameter = !llvm::StringRef(tensor.name).contains('/');
      if (tensor.kind->dtype != FOVEA_F32 || !(gradients ? isGradient : isParameter)) continue;
      Numbers &values = result[tensor.name];
      values.resize(tensor.elements(sizes));
      EXPECT_EQ(loaded->function<int32_t(void *, const char *, void *, size_t)>("get")(
                    handle, tensor.name.c_str(), values.data(), 4 * values.size()),
                0);
    }
    return result;
  }

  /// Calls an entry with inputs drawn from `seed`; its loss.
  float call(void *handle, const char *name, unsigned seed) const {
    const LoadedModel::Entry &entry = *loaded->entry(name);
    llvm::SmallVector<int64_t> sizes(loaded->sizes().size(), of.batch);
    std::vector<std::vector<uint8_t>> arguments;
    llvm::SmallVector<void *> pointers;
    size_t loss = 0;
    for (const LoadedModel::Tensor &tensor : entry.arguments) {
      if (tensor.name == "loss") loss = arguments.size();
      arguments.push_back(drawn(tensor, tensor.elements(sizes), seed));
    }
    for (std::vector<uint8_t> &argument : arguments) pointers.push_back(argument.data());
    EXPECT_EQ(loaded->call(entry, handle, sizes, pointers), 0)
        << loaded->function<const char *(const void *)>("last_error")(handle);
    float result;
    std::memcpy(&result, pointers[loss], sizeof result);
    return result;
  }

  std::vector<uint8_t> drawn(const LoadedModel::Tensor &tensor, int64_t count, unsigned seed) const {
    std::mt19937 random(seed * 100 + unsigned(tensor.name.size()));
    auto range = of.ranges.find(tensor.name);
    auto [low, high] = range == of.ranges.end() ? std::pair(-1.0, 1.0) : range->second;
    if (tensor.role == FOVEA_SCALAR) low = high = tensor.name == "rate" ? rate : 1;
    std::vector<uint8_t> bytes(count * tensor.kind->bytes);
    auto fill = [&](auto zero) {
      using Element = decltype(zero);
      auto *values = reinterpret_cast<Element *>(bytes.data());
      for (int64_t i = 0; i < count; ++i) values[i] = Element(low + (high - low) * (random() / 4294967296.0));
    };
    tensor.kind->dtype == FOVEA_I32 ? fill(int32_t(0)) : tensor.kind->dtype == FOVEA_I64 ? fill(int64_t(0)) : fill(0.f);
    return bytes;
  }

  const TrainedModel &of;
  std::shared_ptr<const LoadedModel> loaded;
};

struct DeviceSteps : testing::TestWithParam<TrainedModel> {
  void SetUp() override {
    if (std::string why = whyNoDevice(deviceTarget()); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_P(DeviceSteps, AreThoseOfTheProcessor) {
  Compiled model(GetParam());
  ASSERT_TRUE(model) << "it does not compile";
  const Results device = model.train(deviceTarget()), host = model.train("x86-64-v3");
  EXPECT_TRUE(device == model.train(deviceTarget())) << "other bits in the next run";
  ASSERT_EQ(device.losses.size(), size_t(steps));
  for (int step = 0; step < steps; ++step) // later ones are of parameters a little apart
    EXPECT_NEAR(device.losses[step], host.losses[step],
                (step ? 5e-3 : 1e-4) * std::max(1.f, std::abs(host.losses[step])))
        << step;

  double all = 0, moved = 0, apart = 0;
  for (const auto &[name, gradient] : host.gradients) all += norm(gradient) * norm(gradient);
  for (const auto &[name, gradient] : host.gradients)
    EXPECT_LE(norm(difference(device.gradients.at(name), gradient)), 1e-3 * norm(gradient) + 1e-6 * std::sqrt(all))
        << name;
  // What an optimizer makes of a gradient that is nothing but rounding differs.
  for (const auto &[name, values] : host.after) {
    const double one = norm(difference(values, host.before.at(name))),
                 other = norm(difference(values, device.after.at(name)));
    EXPECT_EQ(device.before.at(name), host.before.at(name)) << name;
    moved += one * one;
    apart += other * other;
  }
  EXPECT_GT(moved, 0);
  EXPECT_LE(std::sqrt(apart), 0.02 * std::sqrt(moved));
}

std::string nameOf(const testing::TestParamInfo<TrainedModel> &info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(, DeviceSteps, testing::ValuesIn(models(false)), nameOf);
INSTANTIATE_TEST_SUITE_P(Slow, DeviceSteps, testing::ValuesIn(models(true)), nameOf);

} // namespace
