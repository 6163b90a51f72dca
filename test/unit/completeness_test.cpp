// Every op of the dialect has what an op needs: a kind, a gradient rule or a reason for none, a summary, tests.
#include "dialect/Ops.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include <filesystem>
#include <gtest/gtest.h>

using namespace mlir;

namespace fovea {

static std::vector<RegisteredOperationName> foveaOps(MLIRContext &context) {
  context.getOrLoadDialect<FoveaDialect>();
  std::vector<RegisteredOperationName> ops;
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "fovea") ops.push_back(op);
  return ops;
}

/// The files of a folder with this ending, one after another.
static std::string readAll(const char *folder, StringRef ending) {
  std::string text;
  for (const auto &file : std::filesystem::directory_iterator(folder))
    if (StringRef(file.path().string()).ends_with(ending)) {
      auto content = llvm::MemoryBuffer::getFile(file.path().string());
      if (content) text += (*content)->getBuffer();
    }
  return text;
}

/// Whether the text names this op, and not only one whose name begins with it.
static bool mentions(StringRef text, StringRef op) {
  for (size_t at = text.find(op); at != StringRef::npos; at = text.find(op, at + 1)) {
    StringRef rest = text.substr(at + op.size());
    if (rest.empty() || !(llvm::isAlnum(rest[0]) || rest[0] == '_')) return true;
  }
  return false;
}

class Completeness : public testing::Test {
protected:
  MLIRContext context;
  std::vector<RegisteredOperationName> ops = foveaOps(context);
};

TEST_F(Completeness, FindsTheOps) { EXPECT_GT(ops.size(), 50u); }

TEST_F(Completeness, EveryOpHasOneKind) {
  for (RegisteredOperationName op : ops)
    EXPECT_EQ(op.hasTrait<Point>() + op.hasTrait<Anchor>() + op.hasTrait<Structural>(), 1)
        << op.getStringRef().str() << " must be one of Point, Anchor and Structural";
}

TEST_F(Completeness, EveryViewIsAPoint) {
  for (RegisteredOperationName op : ops)
    if (op.hasTrait<View>()) {
      EXPECT_TRUE(op.hasTrait<Point>()) << op.getStringRef().str();
    }
}

TEST_F(Completeness, EveryComputedValueHasOneAnswerToTheGradient) {
  for (RegisteredOperationName op : ops)
    if (!op.hasTrait<Structural>()) {
      EXPECT_EQ(op.hasInterface<Differentiable>() + op.hasTrait<NotDifferentiable>() + op.hasTrait<NoGradientRule>(), 1)
          << op.getStringRef().str() << " must be one of Differentiable, NotDifferentiable and NoGradientRule";
    }
}

TEST_F(Completeness, EveryOpHasASummary) {
  std::string docs = readAll(FOVEA_DOCS, ".md");
  for (RegisteredOperationName op : ops) {
    StringRef section = StringRef(docs).split(("### `" + op.getStringRef() + "` ").str()).second;
    StringRef summary = section.split('\n').second.ltrim('\n').split('\n').first;
    EXPECT_TRUE(summary.size() > 2 && summary.front() == '_' && summary.back() == '_')
        << op.getStringRef().str() << " has no summary, but: " << summary.str();
  }
}

TEST_F(Completeness, EveryOpHasATestThatReadsAndPrintsIt) {
  std::string tests = readAll(FOVEA_TESTS "/ops", ".mlir");
  for (RegisteredOperationName op : ops)
    EXPECT_TRUE(mentions(tests, op.getStringRef())) << op.getStringRef().str() << " is in no test/ops/*.mlir";
}

} // namespace fovea
