// Ten steps of every optimizer, compiled in f64, against plain loops over the formulas of the papers: with a parameter
// that decays, one that does not and has its own rate, and a frozen one; clipped, accumulated, and averaged.
#include <fovea/compile.h>
#include <fovea/fovea.h>

#include "test/TemporaryFolder.h"

#include <cmath>
#include <functional>

using namespace fovea;

namespace {

using Numbers = std::vector<double>;

constexpr int64_t items = 7, inputs = 5, outputs = 33; // 33: the last panel of the weight is not full
constexpr int steps = 10;
constexpr double clipNorm = 0.6, ema = 0.9;

Model regression(const Optimizer &optimizer) {
  Model model("regression", f64);
  Dim batch = model.symbol("batch");
  Tensor x = model.input("x", {batch, inputs}), y = model.input("y", {batch, outputs});
  Tensor weight = model.parameter("weight", {inputs, outputs}, zeros());
  Tensor gain = model.parameter("gain", {outputs}, zeros(), {.frozen = true});
  Tensor bias = model.parameter("bias", {outputs}, zeros(), {.rate = 0.5});
  Tensor error = matmul(x, weight) * gain + bias - y;
  model.train(mean(error * error), optimizer, {.clip_norm = clipNorm, .ema = ema});
  return model;
}

/// Numbers in [-1, 1) from a 64-bit linear congruential generator.
Numbers draws(size_t count, uint64_t seed) {
  Numbers result(count);
  for (double &number : result) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    number = (double)(int64_t)seed * 0x1p-63;
  }
  return result;
}

double length(const Numbers &x) {
  double squares = 0;
  for (double each : x) squares += each * each;
  return std::sqrt(squares);
}

/// A trained parameter, what its optimizer keeps of it, and its values after each step.
struct Parameter {
  Numbers value, first, second;
  double decay, rate;
  std::vector<Numbers> history = {};

  Parameter(Numbers value, double decay, double rate)
      : value(std::move(value)), first(this->value.size()), second(first), decay(decay), rate(rate) {}

  Numbers average() const {
    Numbers sum(value.size());
    double weights = 0;
    for (size_t age = 0; age < history.size(); ++age) {
      double weight = std::pow(ema, (double)age);
      weights += weight;
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += weight * history[history.size() - 1 - age][i];
    }
    for (double &each : sum) each /= weights;
    return sum;
  }
};

/// The parameter after step number `t`, which counts from 1, with this gradient and rate.
using Step = std::function<void(Parameter &, const Numbers &gradient, double rate, int t)>;

/// A rule for each element by itself.
Step eachElement(
    const std::function<double(double p, double g, double &first, double &second, double decay, int t)> &by) {
  return [=](Parameter &p, const Numbers &gradient, double rate, int t) {
    for (size_t i = 0; i < gradient.size(); ++i)
      p.value[i] -= rate * by(p.value[i], gradient[i], p.first[i], p.second[i], p.decay, t);
  };
}

double adamStep(double g, double &m, double &v, double epsilon, int t) {
  m = 0.8 * m + 0.2 * g;
  v = 0.95 * v + 0.05 * g * g;
  return m / (1 - std::pow(0.8, t)) / (std::sqrt(v / (1 - std::pow(0.95, t))) + epsilon);
}

void lambStep(Parameter &p, const Numbers &gradient, double rate, int t) {
  Numbers update(gradient.size());
  for (size_t i = 0; i < update.size(); ++i)
    update[i] = adamStep(gradient[i], p.first[i], p.second[i], 1e-4, t) + p.decay * p.value[i];
  double trust = length(p.value) > 0 && length(update) > 0 ? length(p.value) / length(update) : 1;
  for (size_t i = 0; i < update.size(); ++i) p.value[i] -= rate * trust * update[i];
}

struct Subject {
  std::string name;
  Optimizer optimizer;
  double decay;
  Step step;
};

std::vector<Subject> subjects() {
  return {
      {"Sgd", SGD{.momentum = 0.7, .weight_decay = 0.03}, 0.03,
       eachElement(
           [](double p, double g, double &v, double &, double decay, int) { return v = 0.7 * v + g + decay * p; })},
      {"Adam", Adam{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4, .weight_decay = 0.04}, 0.04,
       eachElement([](double p, double g, double &m, double &v, double decay, int t) {
         return adamStep(g + decay * p, m, v, 1e-4, t);
       })},
      {"AdamW", AdamW{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4, .weight_decay = 0.05}, 0.05,
       eachElement([](double p, double g, double &m, double &v, double decay, int t) {
         return adamStep(g, m, v, 1e-4, t) + decay * p;
       })},
      {"Adagrad", Adagrad{.epsilon = 1e-3, .weight_decay = 0.06}, 0.06,
       eachElement([](double p, double g, double &squares, double &, double decay, int) {
         g += decay * p;
         squares += g * g;
         return g / (std::sqrt(squares) + 1e-3);
       })},
      {"Lamb", LAMB{.beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-4, .weight_decay = 0.07}, 0.07, lambStep},
  };
}

/// The model by hand.
struct Reference {
  Parameter weight, bias;
  Numbers gain = draws(outputs, 3);
  Numbers weightGradient = Numbers(inputs * outputs), biasGradient = Numbers(outputs);
  int t = 0, clipped = 0;

  /// The bias starts at 0: LAMB's ratio is 1 then.
  explicit Reference(double decay) : weight(draws(inputs * outputs, 4), decay, 1), bias(Numbers(outputs), 0, 0.5) {}

  double gradients(const Numbers &x, const Numbers &y) {
    double loss = 0, count = items * outputs;
    for (int64_t n = 0; n < items; ++n)
      for (int64_t o = 0; o < outputs; ++o) {
        double product = 0;
        for (int64_t i = 0; i < inputs; ++i) product += x[n * inputs + i] * weight.value[i * outputs + o];
        double error = product * gain[o] + bias.value[o] - y[n * outputs + o];
        loss += error * error / count;
        biasGradient[o] += 2 * error / count;
        for (int64_t i = 0; i < inputs; ++i)
          weightGradient[i * outputs + o] += 2 * error / count * gain[o] * x[n * inputs + i];
      }
    return loss;
  }

  void update(const Step &step, double rate, double scale) {
    ++t;
    for (double &g : weightGradient) g *= scale;
    for (double &g : biasGradient) g *= scale;
    double norm = std::hypot(length(weightGradient), length(biasGradient)), factor = clipNorm / (norm + 1e-6);
    clipped += factor < 1;
    for (auto [parameter, gradient] : {std::pair(&weight, &weightGradient), {&bias, &biasGradient}}) {
      for (double &g : *gradient) g *= std::min(factor, 1.0);
      step(*parameter, *gradient, rate * parameter->rate, t);
      parameter->history.push_back(parameter->value);
      gradient->assign(gradient->size(), 0);
    }
  }
};

class Optimizers : public TemporaryFolder, public testing::WithParamInterface<Subject> {
protected:
  Program compiled() {
    Program program = compile(regression(GetParam().optimizer), {.sizes = {{"batch", items}}, .threads = 2});
    program.set("weight", reference.weight.value);
    program.set("bias", reference.bias.value);
    program.set("gain", reference.gain);
    return program;
  }

  /// Steps of one batch, and every third of two that are accumulated and halved.
  void run(Program &program, int from, int to) {
    for (int k = from; k < to; ++k) {
      double rate = 0.02 * (k % 4 + 1), loss = -1;
      Numbers x = draws(items * inputs, 100 + k), y = draws(items * outputs, 200 + k);
      for (double &each : y) each *= 1 + k % 5 * 2; // gradients of several lengths
      double wanted = reference.gradients(x, y);
      if (k % 3 != 2) {
        program.train_step(items, x, y, rate, &loss);
        reference.update(GetParam().step, rate, 1);
      } else {
        program.gradients(items, x, y, &loss);
        Numbers other = draws(items * inputs, 300 + k);
        double second = -1;
        program.gradients(items, other, y, &second);
        EXPECT_NEAR(second, reference.gradients(other, y), 1e-10);
        program.update(rate, 0.5);
        reference.update(GetParam().step, rate, 0.5);
      }
      EXPECT_NEAR(loss, wanted, 1e-10) << "step " << k;
      expectNear(program, "weight", reference.weight.value);
      expectNear(program, "bias", reference.bias.value);
      expectNear(program, "ema/weight", reference.weight.average());
      expectNear(program, "ema/bias", reference.bias.average());
    }
  }

  static void expectNear(Program &program, const std::string &name, const Numbers &wanted) {
    Numbers got = program.get<double>(name);
    ASSERT_EQ(got.size(), wanted.size()) << name;
    for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted[i], 1e-10) << name << " " << i;
  }

  Reference reference{GetParam().decay};
};

TEST_P(Optimizers, FollowTheFormulas) {
  Program program = compiled();
  run(program, 0, 5);
  program.save_checkpoint(folder / "checkpoint");
  Program continued = compiled();
  continued.load_checkpoint(folder / "checkpoint");
  run(continued, 5, steps);
  EXPECT_GE(reference.clipped, 2);
  EXPECT_LE(reference.clipped, steps - 2);
  EXPECT_EQ(continued.get<double>("gain"), reference.gain);
  EXPECT_EQ(continued.get<int64_t>("step").at(0), steps);

  continued.save_average(folder / "average");
  Program averaged = compiled();
  averaged.load(folder / "average");
  for (const char *name : {"weight", "bias"})
    EXPECT_EQ(averaged.get<double>(name), continued.get<double>(std::string("ema/") + name));
  EXPECT_EQ(averaged.get<double>("gain"), reference.gain);
}

INSTANTIATE_TEST_SUITE_P(, Optimizers, testing::ValuesIn(subjects()), [](const auto &info) { return info.param.name; });

TEST(Averages, AreSavedAfterAnUpdate) {
  Program program = compile(regression(SGD{}), {.sizes = {{"batch", items}}});
  EXPECT_EQ(errorOf([&] { program.save_average("/nowhere"); }),
            "model 'regression': save_average: there is nothing to average before the first update");
}

} // namespace
