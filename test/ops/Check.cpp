// Compiles a suite, runs it in several ways and compares.
#include "test/ops/Check.h"

#include "test/ops/Encoding.h"
#include "test/ops/Library.h"
#include "test/ops/Module.h"
#include "test/ops/Recording.h"

#include "lib/emit/Files.h"

#include "mlir/IR/Verifier.h"
#include "llvm/Support/xxhash.h"

#include <cmath>
#include <gtest/gtest.h>

namespace fovea::ops {

namespace {

//===-- Values ----------------------------------------------------------------------------------------------------===//

/// A number in [0, 1) from a name and an index, so that an item is the same in every batch.
double drawOf(const std::string &name, int64_t index) {
  std::string text = name + "#" + std::to_string(index);
  return (double)(llvm::xxh3_64bits(text) >> 11) * 0x1p-53;
}

Shape withBatch(Shape shape, int64_t value) {
  for (int64_t &size : shape)
    if (size == batch) size = value;
  return shape;
}

//===-- Comparing -------------------------------------------------------------------------------------------------===//

/// The bound for a precision. In low precision so many roundings, of half a unit in the last place each, come to that
/// of f32.
double relativeBound(const Bound &bound, Precision precision, int roundings) {
  if (precision == Precision::f64) return bound.f64;
  int digits = llvm::APFloat::semanticsPrecision(semanticsOf(precision));
  return bound.f32 + (isLow(precision) ? roundings * std::ldexp(1, -digits) : 0);
}
/// A plain formula rounds its result, and may be wrong by half of this.
constexpr int forwardRoundings = 2;
/// The plain formula of a gradient may be wrong by a third of this.
int backwardRoundings(const Case &of) { return 3 * of.gradientRoundings; }

bool matches(double got, double want, double relative, double floor, Precision precision, bool signedZeros) {
  const llvm::fltSemantics &semantics = semanticsOf(precision);
  double smallestNormal = llvm::APFloat::getSmallestNormalized(semantics).convertToDouble();
  if (llvm::APFloat rounded = roundedTo(want, semantics); rounded.isInfinity()) want = rounded.convertToDouble();
  if (std::isnan(want)) return std::isnan(got);
  if (signedZeros && want == 0) return got == 0 && std::signbit(got) == std::signbit(want);
  if (got == want) return true;
  if (std::isinf(want)) return false;
  return std::abs(got - want) <= relative * std::max(std::abs(want), floor) + smallestNormal;
}

/// A shape's values against the wanted ones; reports the first that differs, and how many.
void compare(const std::string &name, const std::vector<double> &got, const Array &want, const Bound &bound,
             Precision precision, int roundings, bool signedZeros) {
  ASSERT_EQ((int64_t)got.size(), want.size()) << name;
  int64_t wrong = 0, first = -1;
  for (int64_t at = 0; at < want.size(); ++at) {
    if (matches(got[at], want.values[at], relativeBound(bound, precision, roundings), bound.floor, precision,
                signedZeros))
      continue;
    if (!wrong++) first = at;
  }
  if (!wrong) return;
  std::string shape;
  for (int64_t size : want.shape) shape += " " + std::to_string(size);
  ADD_FAILURE() << name << " (" << shape << " ): " << wrong << " of " << want.size() << " elements are wrong; element "
                << first << " is " << testing::PrintToString(got[first]) << " and should be "
                << testing::PrintToString(want.values[first]) << ", off by " << got[first] - want.values[first];
}

/// The case's part of the loss. Infinite results, those of rows without a key, do not move with the operands. With a
/// seed, that of the rounded case.
double lossOf(const Case &of, const Arrays &inputs, const Arrays &cotangents, uint64_t seed = 0) {
  double sum = 0;
  Arrays results = seed ? of.rounded(inputs, seed) : of.trained ? of.trained(inputs) : of.reference(inputs);
  for (size_t r = 0; r < results.size(); ++r)
    for (int64_t at = 0; at < results[r].size(); ++at)
      if (!std::isinf(results[r].values[at])) sum += results[r].values[at] * cotangents[r].values[at];
  return sum;
}

/// d loss / d operand by central differences of the reference, at these elements. The step and the formula are those of
/// reference::gradient. What is no number is moved around 0: whoever does not read it has no gradient there.
std::vector<double> differences(const Case &of, Arrays inputs, const Arrays &cotangents, size_t which,
                                const std::vector<int64_t> &elements) {
  std::vector<double> result;
  for (int64_t element : elements) {
    double &x = inputs[which].values[element], old = x, center = std::isfinite(x) ? x : 0,
           move = 1e-5 * std::max(1.0, std::abs(center));
    x = center + move;
    double highX = x, high = lossOf(of, inputs, cotangents);
    x = center - move;
    double lowX = x, low = lossOf(of, inputs, cotangents);
    x = old;
    result.push_back((high - low) / (highX - lowX));
  }
  return result;
}

/// The bound that rounding sets: of f32, 16 times what it did in two tries; of f64, the same at its scale.
Bound boundOf(const Case &of, const Arrays &inputs, const Array &want, size_t index) {
  if (!of.rounded) return of.bound;
  double largest = 0, error = 0;
  for (double value : want.values) largest = std::max(largest, std::abs(value));
  for (uint64_t seed : {1, 2}) {
    Array rounded = of.rounded(inputs, seed)[index];
    for (int64_t at = 0; at < want.size(); ++at)
      error = std::max(error, std::abs(rounded.values[at] - want.values[at]));
  }
  return {0x1p-47, 0x1p-18, largest + error * 0x1p22};
}

/// The slope of the loss along a direction of one operand, and how far off it may be by rounding in f32 and otherwise:
/// at a kink of the function, differences depend on the step.
struct Slope {
  double slope, rounding, other, terms; // terms: the loss's, without signs
};
Slope slopeAlong(const Case &of, Arrays inputs, const Arrays &cotangents, size_t which, const Array &direction) {
  const Array center = inputs[which];
  auto slope = [&](double step, uint64_t seed) {
    double losses[2];
    for (int side : {0, 1}) {
      for (int64_t at = 0; at < center.size(); ++at)
        inputs[which].values[at] = center.values[at] + (side ? step : -step) * direction.values[at];
      losses[side] = lossOf(of, inputs, cotangents, seed);
    }
    return (losses[1] - losses[0]) / (2 * step);
  };
  constexpr double step = 1e-5;
  double full = slope(step, 0), half = slope(step / 2, 0), near = slope(step / 10, 0), size = 0, terms = 0;
  inputs[which] = center;
  Arrays results = of.reference(inputs);
  for (size_t result = 0; result < cotangents.size(); ++result)
    for (auto [cotangent, value] : llvm::zip(cotangents[result].values, results[result].values)) {
      size += std::abs(cotangent);
      if (std::isfinite(value)) terms += std::abs(cotangent * value);
    }
  return {half, std::abs(slope(step / 2, 1) - half),
          4 * std::max(std::abs(full - half), std::abs(half - near)) + 1e-9 * size, terms};
}

//===-- One suite -------------------------------------------------------------------------------------------------===//

class Run {
public:
  Run(std::vector<Case> cases, const Setting &setting) : cases(std::move(cases)), setting(setting) {}

  /// False, with failures reported, where the suite does not compile.
  bool compile() {
    library = compileCases(cases);
    if (library) return true;
    for (const Case &each : cases)
      if (!compileCases({each})) ADD_FAILURE() << each.name << " does not compile";
    return false;
  }

  void runBatch(int64_t batch) {
    load(batch);
    std::map<std::string, Bytes> outputs = runForms("forward", batch);
    for (const Case &each : cases) compareResults(each, outputs);
    if (!library->entry("gradients")) return;
    outputs = runForms("gradients", batch);
    compareLoss(outputs.at("loss"));
    for (const Case &each : cases)
      if (each.gradient) compareGradients(each, outputs);
  }

  /// Every item of the batch alone, for results whose first dimension is the batch.
  void runItems(int64_t batch) {
    load(batch);
    std::map<std::string, Bytes> together = run("forward", 1, batch), all = std::move(inputs);
    int64_t compared = 0;
    for (int64_t item : {int64_t(0), batch - 1}) {
      inputs.clear();
      for (const Argument &argument : library->entry("forward")->arguments)
        if (argument.role != FOVEA_OUTPUT) inputs[argument.name] = itemOf(all.at(argument.name), argument.type, item);
      std::map<std::string, Bytes> alone = run("forward", 1, 1);
      for (const Argument &argument : library->entry("forward")->arguments) {
        if (argument.role != FOVEA_OUTPUT || !isBatched(argument.type)) continue;
        EXPECT_EQ(alone.at(argument.name), itemOf(together.at(argument.name), argument.type, item))
            << argument.name << ": item " << item << " has other bits alone than in a batch of " << batch;
        ++compared;
      }
    }
    EXPECT_GT(compared, 0) << "no result has the batch as its first dimension";
  }

  void writeModel() {
    std::string text;
    llvm::raw_string_ostream(text) << *buildModule(context.get(), cases, setting.precision);
    if (llvm::Error error = writeFile(setting.model, text)) FAIL() << llvm::toString(std::move(error));
  }

  /// Writes the library for the device, inputs, and the results of a run on the processor with their bounds.
  void record(int64_t batch) {
    load(batch);
    CompileOptions options;
    options.name = "ops";
    auto artefacts = writeArtefacts(library->model, options, Stage::shared, setting.record);
    if (!artefacts) FAIL() << llvm::toString(artefacts.takeError());
    Recording recording(setting.record, batch);
    for (const auto &[name, bytes] : parameters) recording.parameter(name, bytes);
    std::unique_ptr<Library> device = std::move(library);
    setting.target = "host";
    library = compileCases(cases);
    for (const char *name : {"forward", "gradients"})
      if (const Entry *entry = device->entry(name)) {
        std::map<std::string, Bytes> outputs = run(name, 1, batch);
        recording.begin(name, entry->sizes.size());
        for (const Argument &argument : entry->arguments)
          recording.argument(argument,
                             argument.role == FOVEA_OUTPUT ? outputs.at(argument.name) : inputs.at(argument.name),
                             recordedBound(argument.name, argument.type.getElementType()));
        for (const auto &[parameter, bytes] : parameters)
          if (std::string gradient = "gradient/" + parameter; outputs.count(gradient))
            recording.gradient(gradient, elementKind(realType()), outputs.at(gradient),
                               recordedBound(gradient, realType()));
      }
    recording.write();
  }

private:
  std::unique_ptr<Library> compileCases(const std::vector<Case> &some) {
    auto module = buildModule(context.get(), some, setting.precision);
    if (mlir::failed(mlir::verify(*module)) || mlir::failed(differentiate(*module))) return nullptr;
    return Library::compile(*module, setting.checks, setting.cached, setting.target);
  }

  /// Both sides may be off by the bound of a case. Of a gradient or loss, relative to the largest element.
  Bound recordedBound(StringRef name, mlir::Type element) {
    bool low = isLow(setting.precision), wide = setting.precision == Precision::f64;
    if (element != realType() && element != lossType()) return {};
    for (const Case &each : cases) {
      for (size_t index = 0; index < bounds[each.name].size(); ++index)
        if (name == resultName(each, index)) {
          double relative = 2 * relativeBound(bounds[each.name][index], setting.precision, forwardRoundings);
          return {relative, relative, bounds[each.name][index].floor};
        }
      for (const Operand &operand : each.operands)
        if (name == "gradient/" + operandName(each, operand)) {
          double relative =
              2 * relativeBound({each.gradientF64, each.gradientF32}, setting.precision, backwardRoundings(each));
          return {relative, relative, -1};
        }
    }
    double relative = low ? 1e-2 : wide ? 1e-9 : 1e-4; // the loss
    return {relative, relative, 1};
  }

  mlir::Type realType() { return ops::elementOf(setting.precision, mlir::Builder(context.get())); }
  /// The loss is summed in f32 where the ops are of less.
  mlir::Type lossType() { return isLow(setting.precision) ? mlir::Builder(context.get()).getF32Type() : realType(); }

  static bool isBatched(RankedTensorType type) { return type.getRank() > 0 && type.isDynamicDim(0); }
  /// The part of one item, along the dimension of size B, wherever that is.
  static Bytes itemOf(const Bytes &bytes, RankedTensorType type, int64_t item) {
    if (type.hasStaticShape()) return bytes;
    size_t inner = elementKind(type.getElementType()).bytes, whole = bytesOf(type, 1), items = bytes.size() / whole;
    for (int64_t d = type.getRank() - 1; !type.isDynamicDim(d); --d) inner *= type.getDimSize(d);
    Bytes result;
    for (size_t at = 0; at < whole / inner; ++at) {
      auto begin = bytes.begin() + (at * items + item) * inner;
      result.insert(result.end(), begin, begin + inner);
    }
    return result;
  }

  /// The values of every operand and cotangent of this batch, and the wanted results.
  void load(int64_t batch) {
    operands.clear(), wanted.clear(), bounds.clear(), inputs.clear(), parameters.clear(), cotangents.clear();
    mlir::Builder builder(context.get());
    mlir::Type real = realType();
    for (const Case &each : cases) {
      for (const Operand &operand : each.operands) {
        Array values = valuesOf(each, operand, batch, setting.precision);
        mlir::Type elements[] = {real, builder.getI32Type(), builder.getI64Type(), builder.getI1Type()};
        (isParameter(each, operand) ? parameters : inputs)[operandName(each, operand)] =
            encode(values, elements[(int)operand.kind]);
        operands[each.name].push_back(std::move(values));
      }
      wanted[each.name] = each.reference(operands[each.name]);
      for (auto [index, want] : llvm::enumerate(wanted[each.name]))
        bounds[each.name].push_back(boundOf(each, operands[each.name], want, index));
      if (!each.gradient) continue;
      for (size_t index = 0; index < wanted[each.name].size(); ++index) {
        Operand weight{"g" + std::to_string(index), wanted[each.name][index].shape, uniform(-1, 1)};
        cotangents[each.name].push_back(valuesOf(each, weight, batch, setting.precision));
        inputs[cotangentName(each, index)] = encode(cotangents[each.name].back(), real);
      }
    }
  }

  std::map<std::string, Bytes> run(const std::string &entry, int threads, int64_t batch) {
    Instance instance(*library, threads, batch);
    for (const auto &[name, bytes] : parameters) instance.set(name, bytes);
    std::map<std::string, Bytes> outputs = instance.run(entry, inputs, batch);
    if (entry == "gradients")
      for (const auto &[name, bytes] : parameters)
        outputs["gradient/" + name] = instance.get("gradient/" + name, bytes.size());
    return outputs;
  }

  /// Runs on one thread, and checks that 2, again 2, and 7 give the same bits; on a device, that the next run does.
  std::map<std::string, Bytes> runForms(const std::string &entry, int64_t batch) {
    std::map<std::string, Bytes> outputs = run(entry, 1, batch);
    for (int threads : setting.target == "host" ? std::vector{2, 2, 7} : std::vector{1}) {
      std::map<std::string, Bytes> others = run(entry, threads, batch);
      for (const auto &[name, bytes] : outputs)
        EXPECT_EQ(bytes == others.at(name), true)
            << name << " of " << entry << " has other bits in the next run, with " << threads << " threads";
    }
    return outputs;
  }

  mlir::Type elementOf(const std::string &output) {
    for (const Argument &argument : library->entry("forward")->arguments)
      if (argument.name == output) return argument.type.getElementType();
    llvm_unreachable("every result is an output of forward");
  }

  void compareResults(const Case &each, const std::map<std::string, Bytes> &outputs) {
    for (size_t index = 0; index < wanted[each.name].size(); ++index) {
      std::string name = resultName(each, index);
      mlir::Type element = elementOf(name);
      Precision precision = element == realType() ? setting.precision : Precision::f64; // others are exact
      compare(name, decode(outputs.at(name), element), wanted[each.name][index], bounds[each.name][index], precision,
              forwardRoundings, each.signedZeros);
    }
  }

  void compareLoss(const Bytes &loss) {
    double sum = 0, terms = 0;
    for (const Case &each : cases) {
      if (!each.gradient) continue;
      sum += lossOf(each, operands[each.name], cotangents[each.name]);
      for (auto [result, bound] : llvm::zip(wanted[each.name], bounds[each.name])) {
        if (llvm::any_of(result.values, [](double value) { return std::isinf(value); }))
          return; // then so is the loss, or NaN
        terms += (double)result.size() * (each.rounded ? 4 * bound.floor : 1);
      }
    }
    compare("loss", decode(loss, lossType()), Array({}, std::vector<double>{sum}), ulps(8, terms), setting.precision,
            forwardRoundings, false);
  }

  /// The whole gradient, along one direction.
  void compareAlong(const Case &each, size_t which, const std::string &name, const std::vector<double> &gradient) {
    Array direction(operands[each.name][which].shape);
    double got = 0, size = 0;
    for (int64_t at = 0; at < direction.size(); ++at) {
      direction.values[at] = 2 * drawOf(name + "/direction", at) - 1;
      got += gradient[at] * direction.values[at];
      size += std::abs(gradient[at] * direction.values[at]);
    }
    Slope want = slopeAlong(each, operands[each.name], cotangents[each.name], which, direction);
    bool wide = setting.precision == Precision::f64;
    // Where terms of a gradient cancel, as those of attention to a single key, their rounding errors are left.
    double bound = size * (wide ? each.gradientF64 : each.gradientF32) + want.rounding * (wide ? 0x1p-24 : 32) +
                   want.other + want.terms * (wide ? 0x1p-49 : 0x1p-20);
    EXPECT_LE(std::abs(got - want.slope), bound)
        << name << ": the slope along a direction is " << got << " and should be " << want.slope;
  }

  void compareGradients(const Case &each, const std::map<std::string, Bytes> &gradients) {
    constexpr int64_t most = 40; // elements that are compared with differences
    for (size_t which = 0; which < each.operands.size(); ++which) {
      const Operand &operand = each.operands[which];
      if (!isParameter(each, operand)) continue;
      std::string name = "gradient/" + operandName(each, operand);
      std::vector<double> all = decode(gradients.at(name), realType()), got;
      if (each.rounded) {
        compareAlong(each, which, name, all);
        continue;
      }
      std::vector<int64_t> elements;
      int64_t size = all.size();
      for (int64_t at = 0; at < std::min(size, most); ++at)
        elements.push_back(size <= most ? at : (int64_t)(drawOf(name, at) * size));
      for (int64_t element : elements) got.push_back(all[element]);
      Array want({(int64_t)elements.size()},
                 differences(each, operands[each.name], cotangents[each.name], which, elements));
      double largest = isLow(setting.precision) ? each.lowGradientFloor : each.gradientFloor;
      for (double value : want.values) largest = std::max(largest, std::abs(value));
      compare(name, got, want, {each.gradientF64, each.gradientF32, largest}, setting.precision,
              backwardRoundings(each), false);
    }
  }

  std::vector<Case> cases;
  Setting setting;
  std::unique_ptr<mlir::MLIRContext> context = makeContext();
  std::unique_ptr<Library> library;
  std::map<std::string, Arrays> operands, wanted, cotangents; // by case
  std::map<std::string, std::vector<Bound>> bounds;
  std::map<std::string, Bytes> inputs, parameters; // by name
};

} // namespace

Array valuesOf(const Case &of, const Operand &operand, int64_t batch, Precision precision) {
  Array values(withBatch(operand.shape, batch));
  for (int64_t at = 0; at < values.size(); ++at) {
    double value = operand.fill(at, drawOf(operandName(of, operand), at));
    values.values[at] = operand.kind == Kind::real ? roundedTo(value, semanticsOf(precision)).convertToDouble() : value;
  }
  return values;
}

void check(const Suite &suite, const Setting &setting) {
  std::vector<Case> cases;
  const char *only = std::getenv("OPS_CASE"); // a part of the names of the cases to run
  for (const Case &each : suite.cases)
    if (runsIn(each, setting.precision) && (!only || StringRef(each.name).contains(only))) cases.push_back(each);
  ASSERT_FALSE(cases.empty()) << suite.name << ": no case ran";
  Run run(cases, setting);
  if (!setting.model.empty()) return run.writeModel();
  if (!run.compile()) return;
  if (!setting.record.empty()) run.record(setting.batches.size() > 1 ? setting.batches[1] : 1);
  if (!setting.runs) return;
  for (int64_t batch : setting.batches) run.runBatch(batch);
  if (setting.batches.size() > 1) run.runItems(setting.batches.back());
}

} // namespace fovea::ops
