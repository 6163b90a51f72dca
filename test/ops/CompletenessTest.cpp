// Every op of the dialect that has a value has a lowering, a case in the tables and, if it has a gradient, one of those
// too; and it compiles for devices.
#include "test/ops/Module.h"
#include "test/ops/Suites.h"

#include "lib/emit/Compile.h"
#include "lib/halide/Lowering.h"

#include <gtest/gtest.h>
#include <set>

namespace fovea::ops {

static std::vector<Case> allCases() {
  std::vector<Case> cases;
  std::vector<Suite> suites = staticSuites();
  suites.push_back(batchSuite());
  for (const Suite &suite : suites)
    for (Case each : suite.cases) {
      each.name = suite.name + "." + each.name;
      cases.push_back(each);
    }
  return cases;
}

/// Ops of a module that work on values, by name.
static std::set<std::string> opsOf(mlir::ModuleOp module) {
  std::set<std::string> names;
  module.walk([&](mlir::Operation *op) { names.insert(op->getName().getStringRef().str()); });
  return names;
}

struct Completeness : testing::Test {
  std::unique_ptr<mlir::MLIRContext> context = makeContext();

  /// Ops that have a value, of the dialect's registered ones.
  std::vector<mlir::RegisteredOperationName> ops() {
    std::vector<mlir::RegisteredOperationName> result;
    for (mlir::RegisteredOperationName name : context->getRegisteredOperations())
      if (name.getDialectNamespace() == "fovea" && !name.hasTrait<Structural>()) result.push_back(name);
    EXPECT_GT(result.size(), 40u);
    return result;
  }
};

TEST_F(Completeness, EveryOpHasALowering) {
  for (mlir::RegisteredOperationName name : ops()) {
    // The grad stage replaces these.
    if (name.getStringRef() == DropoutOp::getOperationName() || name.getStringRef() == BatchNormOp::getOperationName())
      continue;
    EXPECT_TRUE(name.hasInterface<PointLowering>() || name.hasInterface<AnchorLowering>()) << name.getStringRef().str();
    EXPECT_EQ(name.hasInterface<AnchorLowering>(), name.hasTrait<Anchor>()) << name.getStringRef().str();
  }
}

TEST_F(Completeness, EveryOpHasACase) {
  auto module = buildModule(context.get(), allCases(), Precision::f64);
  std::set<std::string> covered = opsOf(*module);
  ASSERT_TRUE(succeeded(differentiate(*module)));
  covered.merge(opsOf(*module)); // the gradients' own ops too
  for (mlir::RegisteredOperationName name : ops())
    EXPECT_TRUE(covered.count(name.getStringRef().str())) << name.getStringRef().str();
}

TEST_F(Completeness, EveryGradientHasACase) {
  std::vector<Case> cases;
  for (const Case &each : allCases())
    if (each.gradient &&
        llvm::any_of(each.operands, [&](const Operand &operand) { return isParameter(each, operand); }))
      cases.push_back(each);
  std::set<std::string> covered = opsOf(*buildModule(context.get(), cases, Precision::f64));
  for (mlir::RegisteredOperationName name : ops()) {
    if (!name.hasInterface<Differentiable>()) continue;
    EXPECT_TRUE(covered.count(name.getStringRef().str())) << name.getStringRef().str();
  }
}

/// The ops of a case and of its gradients.
static std::set<std::string> opsOf(mlir::MLIRContext *context, const Case &each) {
  auto module = buildModule(context, each, Precision::f32);
  std::set<std::string> names = opsOf(*module);
  if (succeeded(differentiate(*module))) names.merge(opsOf(*module));
  return names;
}

static bool compilesFor(mlir::MLIRContext *context, const std::string &targets, llvm::ArrayRef<Case> cases) {
  auto module = buildModule(context, cases, Precision::f32);
  CompileOptions options;
  options.name = "ops";
  options.targets = targets;
  return succeeded(differentiate(*module)) && succeeded(compileModel(*module, options));
}

TEST_F(Completeness, EveryOpCompilesForDevices) {
  std::vector<Case> cases; // as few as bring in all ops
  std::set<std::string> covered;
  for (const Suite &suite : staticSuites())
    for (const Case &each : suite.cases) {
      size_t before = covered.size();
      covered.merge(opsOf(context.get(), each));
      if (covered.size() > before) cases.push_back(each);
    }
  if (compilesFor(context.get(), "opencl+cuda-sm80", cases)) return;
  for (const Case &each : cases)
    for (const char *target : {"opencl", "cuda-sm80"})
      EXPECT_TRUE(compilesFor(context.get(), target, each)) << each.name << " for " << target;
}

} // namespace fovea::ops
