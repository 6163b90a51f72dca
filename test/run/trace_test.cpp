// Ten steps of AdamW and five of SGD against the trace that trace.py made with formulas of its own.
#include "trace_adamw.h"
#include "trace_adamw_f32.h"
#include "trace_sgd.h"
#include "trace_sgd_f32.h"

#include "lib/runtime/Safetensors.h"
#include "test/run/Trained.h"

#include <cmath>

FOVEA_TRAINED(trace_adamw, double);
FOVEA_TRAINED(trace_adamw_f32, float);
FOVEA_TRAINED(trace_sgd, double);
FOVEA_TRAINED(trace_sgd_f32, float);

namespace {

class Trace {
public:
  Trace() {
    char message[FOVEA_MESSAGE_BYTES];
    EXPECT_EQ(fovea_safetensors_open(TRACE, &file, message), 0) << message;
  }
  ~Trace() { fovea_safetensors_close(file); }

  template <typename Element> std::vector<Element> read(const std::string &name) const {
    const fovea_safetensors_tensor *tensor = fovea_safetensors_find(file, name.c_str());
    EXPECT_NE(tensor, nullptr) << name;
    std::vector<Element> values(tensor->bytes / sizeof(Element));
    char message[FOVEA_MESSAGE_BYTES];
    EXPECT_EQ(fovea_safetensors_read(file, tensor, 0, tensor->bytes, values.data(), message), 0) << message;
    return values;
  }
  template <typename Real> std::vector<Real> reals(const std::string &name) const {
    std::vector<double> values = read<double>(name);
    return {values.begin(), values.end()};
  }
  /// The names that follow a prefix.
  std::vector<std::string> names(const std::string &prefix) const {
    std::vector<std::string> result;
    for (int64_t i = 0; i < fovea_safetensors_count(file); ++i) {
      std::string name = fovea_safetensors_at(file, i)->name;
      if (name.rfind(prefix, 0) == 0) result.push_back(name.substr(prefix.size()));
    }
    return result;
  }

private:
  fovea_safetensors *file = nullptr;
};

template <typename Real> double largestDifference(const std::vector<Real> &ours, const std::vector<double> &theirs) {
  double largest = 0;
  for (size_t i = 0; i < ours.size(); ++i) largest = std::fmax(largest, std::fabs(ours[i] - theirs[i]));
  return ours.size() == theirs.size() ? largest : INFINITY;
}

template <typename Trained> void start(Trained &trained, const Trace &trace) {
  for (const std::string &name : trace.names("initial."))
    trained.set(name, trace.reals<typename Trained::Real>("initial." + name));
}

template <typename Trained>
void expectParameters(Trained &trained, const Trace &trace, const std::string &prefix, double bound) {
  auto names = trace.names(prefix);
  ASSERT_EQ(names.size(), 29u);
  for (const std::string &name : names) {
    std::vector<double> expected = trace.read<double>(prefix + name);
    EXPECT_LE(largestDifference(trained.get(name, expected.size()), expected), bound) << prefix << name;
  }
}

template <typename Trained> void adamw(double bound) {
  using Real = typename Trained::Real;
  Trace trace;
  Trained trained(8);
  start(trained, trace);
  for (int step = 0; step < 10; ++step) {
    std::string at = "step." + std::to_string(step) + ".";
    auto image = trace.reals<Real>(at + "image");
    auto label = trace.read<int32_t>(at + "label");
    std::vector<Real> loss(1), logits(label.size() * 10), forward(logits.size());
    trained.forward(int64_t(label.size()), image.data(), forward.data());
    trained.train_step(int64_t(label.size()), image.data(), label.data(), trace.reals<Real>(at + "rate")[0],
                       loss.data(), logits.data());
    EXPECT_LE(largestDifference(loss, trace.read<double>(at + "loss")), bound) << at;
    EXPECT_LE(largestDifference(logits, trace.read<double>(at + "logits")), bound) << at;
    EXPECT_LE(largestDifference(forward, trace.read<double>(at + "logits")), bound) << at;
    if (step == 0) expectParameters(trained, trace, "after1.", bound);
  }
  expectParameters(trained, trace, "final.", bound);
}

/// Gradients of two batches are accumulated before each update and halved by its scale.
template <typename Trained> void sgd(double bound) {
  using Real = typename Trained::Real;
  Trace trace;
  Trained trained(8);
  start(trained, trace);
  for (int update = 0; update < 5; ++update) {
    std::string at = "sgd." + std::to_string(update) + ".";
    std::vector<double> expected = trace.read<double>(at + "loss");
    for (int part = 0; part < 2; ++part) {
      std::string batch = "step." + std::to_string(2 * update + part) + ".";
      auto image = trace.reals<Real>(batch + "image");
      auto label = trace.read<int32_t>(batch + "label");
      std::vector<Real> loss(1), logits(label.size() * 10);
      trained.gradients(int64_t(label.size()), image.data(), label.data(), loss.data(), logits.data());
      EXPECT_LE(std::fabs(loss[0] - expected[part]), bound) << at << part;
    }
    trained.update(trace.reals<Real>(at + "rate")[0], Real(0.5));
  }
  expectParameters(trained, trace, "sgd.final.", bound);
}

} // namespace

TEST(Trace, AdamWInDoublePrecision) { adamw<trace_adamw_trained>(1e-9); }
TEST(Trace, AdamWInSinglePrecision) { adamw<trace_adamw_f32_trained>(1e-3); }
TEST(Trace, SgdInDoublePrecision) { sgd<trace_sgd_trained>(1e-9); }
TEST(Trace, SgdInSinglePrecision) { sgd<trace_sgd_f32_trained>(1e-3); }

TEST(Trace, FirstGradients) {
  Trace trace;
  trace_adamw_trained trained(8);
  start(trained, trace);
  auto image = trace.read<double>("step.0.image");
  auto label = trace.read<int32_t>("step.0.label");
  std::vector<double> loss(1), logits(label.size() * 10);
  trained.gradients(int64_t(label.size()), image.data(), label.data(), loss.data(), logits.data());
  auto names = trace.names("gradient1.");
  ASSERT_EQ(names.size(), 29u);
  for (const std::string &name : names) {
    std::vector<double> expected = trace.read<double>("gradient1." + name);
    EXPECT_LE(largestDifference(trained.get("gradient/" + name, expected.size()), expected), 1e-10) << name;
  }
}
