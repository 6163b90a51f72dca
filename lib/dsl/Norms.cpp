// Normalizations: ops over rows or channels, and what is composed of them.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

Tensor layer_norm(Located x, Located scale, Located bias, double epsilon) {
  Program &program = Program::of(x.site, {&x.tensor, &scale.tensor, &bias.tensor});
  return apply<LayerNormOp>(program, x.site, valueOf(x), valueOf(scale), valueOf(bias), llvm::APFloat(epsilon));
}

Tensor rms_norm(Located x, Located scale, double epsilon) {
  Program &program = Program::of(x.site, {&x.tensor, &scale.tensor});
  return apply<RmsNormOp>(program, x.site, valueOf(x), valueOf(scale), llvm::APFloat(epsilon));
}

/// A vector of one number in x's element type.
static Tensor filled(const Located &x, double number, AffineExpr size) {
  Program &program = Program::of(x);
  Type element = Program::typeOf(x).getElementType();
  auto attribute = DenseElementsAttr::get(RankedTensorType::get({*constantSize(size)}, element),
                                          Attribute(FloatAttr::get(element, number)));
  return apply<ConstantOp>(program, x.site, attribute);
}

/// Each group of channels is one row of a layer norm.
static Tensor normGroups(const char *name, Located x, int64_t groups, Located scale, Located bias, double epsilon) {
  Program &program = Program::of(x.site, {&x.tensor, &scale.tensor, &bias.tensor});
  RankedTensorType type = Program::typeOf(x);
  auto sizes = program.shapes.of(type);
  int64_t rank = type.getRank();
  bool constant = rank >= 2 && isFloat(type.getElementType()) &&
                  llvm::all_of(llvm::drop_begin(sizes), [](AffineExpr size) { return constantSize(size).has_value(); });
  if (!constant)
    program.fail(x.site, Twine(name) + ": x is " + shapeText(type) +
                             ": it must be floats (items, channels, ..), with all sizes but the first constant");
  int64_t channels = *constantSize(sizes[1]);
  if (groups < 1 || channels % groups)
    program.fail(x.site, Twine(name) + ": " + Twine(groups) + " groups do not divide " + Twine(channels) + " channels");
  AffineExpr width = program.shapes.product(ArrayRef<AffineExpr>(sizes).drop_front()).floorDiv(groups);
  width = program.shapes.normal(width);
  Tensor rows = reshape(x, {-1, program.dim(width)});
  Tensor normed = layer_norm({rows, x.site}, {filled(x, 1, width), x.site}, {filled(x, 0, width), x.site}, epsilon);
  Shape column(rank - 1, 1);
  column[0] = channels;
  Tensor y = reshape({normed, x.site}, x.tensor.shape()) * Located(reshape({scale, x.site}, column), x.site);
  return Located(y, x.site) + Located(reshape({bias, x.site}, column), x.site);
}

Tensor group_norm(Located x, int64_t groups, Located scale, Located bias, double epsilon) {
  return normGroups("group_norm", x, groups, scale, bias, epsilon);
}

Tensor instance_norm(Located x, Located scale, Located bias, double epsilon) {
  Program::of(x);
  std::optional<int64_t> channels = Program::typeOf(x).getRank() > 1 ? x.tensor.dim(1).constant() : std::nullopt;
  return normGroups("instance_norm", x, channels.value_or(1), scale, bias, epsilon);
}

/// A parameter in the type that it is stored in, f32 in models of f16 and bf16.
static Located stored(Program &program, const Located &parameter) {
  auto cast = valueOf(parameter).getDefiningOp<CastOp>();
  if (!cast || !cast.getX().getDefiningOp<LoadOp>()) return parameter;
  return {program.tensor(cast.getX()), parameter.site};
}

/// The state that a running statistic is loaded from.
static StringRef stateOf(Program &program, const Located &parameter, const Located &scale, const char *which) {
  auto load = valueOf(parameter).getDefiningOp<LoadOp>();
  auto state = load ? mlir::SymbolTable::lookupNearestSymbolFrom<StateOp>(load, load.getStateAttr()) : StateOp();
  if (!state || !state.getFrozen() || state.getTensor() != Program::typeOf(scale))
    program.fail(parameter.site, Twine("batch_norm: the running ") + which +
                                     " must be a parameter of the scale's shape, " + shapeText(Program::typeOf(scale)) +
                                     ", declared with .frozen = true");
  return load.getState();
}

Tensor batch_norm(Located x, Located scale, Located bias, Located running_mean, Located running_variance,
                  BatchNormOptions options) {
  Program &program =
      Program::of(x.site, {&x.tensor, &scale.tensor, &bias.tensor, &running_mean.tensor, &running_variance.tensor});
  if (x.tensor.dtype() == f16 || x.tensor.dtype() == bf16) { // statistics are of f32
    Tensor y = batch_norm({cast(x, f32), x.site}, stored(program, scale), stored(program, bias),
                          stored(program, running_mean), stored(program, running_variance), options);
    return cast({y, x.site}, x.tensor.dtype());
  }
  StringRef mean = stateOf(program, running_mean, scale, "mean"),
            variance = stateOf(program, running_variance, scale, "variance");
  return apply<BatchNormOp>(program, x.site, valueOf(x), valueOf(scale), valueOf(bias), mean, variance,
                            llvm::APFloat(options.epsilon), llvm::APFloat(options.momentum));
}

} // namespace fovea
