// The text as MLIR reads it: it parses, verifies, and its locations are the author's lines.
#include <fovea/fovea.h>

#include "dialect/Ops.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include "gtest/gtest.h"

static std::string text(mlir::Location location) {
  auto line = llvm::cast<mlir::FileLineColLoc>(location);
  return (line.getFilename().getValue() + ":" + llvm::Twine(line.getLine())).str();
}
static std::string here(int line) { return __FILE__ ":" + std::to_string(line); }

TEST(Module, IsReadBackWithTheAuthorsLines) {
  fovea::Model model("tiny");
  fovea::Tensor x = model.input("x", {model.symbol("batch"), 4});
  int scopeLine = __LINE__ + 1;
  fovea::nn::Linear linear(model / "head", 4, 3);
  int callLine = __LINE__ + 1;
  fovea::Tensor y = linear(x);
  int outputLine = __LINE__ + 1;
  model.output("y", exp(y));

  mlir::MLIRContext context;
  context.loadDialect<fovea::FoveaDialect, mlir::func::FuncDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(model.text(), &context);
  ASSERT_TRUE(module);
  int seen = 0;
  module->walk([&](mlir::Operation *op) {
    if (llvm::isa<fovea::ExpOp>(op)) {
      EXPECT_EQ(text(op->getLoc()), here(outputLine));
    } else if (llvm::isa<fovea::MatmulOp, fovea::StateOp>(op)) {
      auto lines = llvm::cast<mlir::FusedLoc>(op->getLoc()).getLocations();
      ASSERT_EQ(lines.size(), 2u);
      EXPECT_EQ(text(lines[0]), here(llvm::isa<fovea::StateOp>(op) ? scopeLine : callLine));
      EXPECT_NE(text(lines[1]).find("nn/Layers.h:"), std::string::npos);
    } else {
      return;
    }
    ++seen;
  });
  EXPECT_EQ(seen, 4); // two parameters, one product, one exp
}
