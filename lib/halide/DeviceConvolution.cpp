// Convolutions as products: rows are channels, columns are pixels of all images (or, of a weight's gradient, elements
// of the kernel), and terms are what is summed. No matrix of windows is stored: it is staged tile by tile.
#include "lib/halide/DeviceConvolution.h"

#include "lib/halide/DeviceProduct.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::Var;

namespace fovea {
namespace {

/// Three or more indices in one number, the last innermost.
class Flat {
public:
  explicit Flat(std::vector<Expr> extents) : extents(std::move(extents)) {}

  Expr size() const {
    Expr result = extents[0];
    for (size_t d = 1; d < extents.size(); ++d) result *= extents[d];
    return result;
  }
  std::vector<Expr> indices(Expr number) const {
    std::vector<Expr> result(extents.size());
    for (size_t d = 0; d + 1 < extents.size(); ++d) {
      Expr inner = extents[d + 1];
      for (size_t e = d + 2; e < extents.size(); ++e) inner *= extents[e];
      result[d] = number / inner;
      number = number % inner;
    }
    result.back() = number;
    return result;
  }

private:
  std::vector<Expr> extents;
};

/// What the three have in common.
template <typename Op> class DeviceConvolution {
public:
  DeviceConvolution(Op op, RankedTensorType weight, KernelLowering &kernel)
      : op(op), kernel(kernel), groups((int)op.getGroups()), outputs((int)weight.getDimSize(0) / groups),
        channels((int)weight.getDimSize(1)), height((int)weight.getDimSize(2)), width((int)weight.getDimSize(3)) {}

  /// x's element where the window at (i, j) has its own (p, q), or 0 outside of the image.
  Expr image(Value x, const Expr &n, const Expr &channel, const Expr &i, const Expr &j, const Expr &p, const Expr &q) {
    auto type = cast<RankedTensorType>(x.getType());
    int rows = (int)type.getDimSize(2), columns = (int)type.getDimSize(3);
    Expr row = i * stride(0) + p * dilation(0) - padding(0), column = j * stride(1) + q * dilation(1) - padding(1);
    Expr element = kernel.load(x, {n, channel, clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)});
    bool inside = !padding(0) && !padding(1);
    return inside ? element
                  : select(row >= 0 && row < rows && column >= 0 && column < columns, element,
                           Halide::Internal::make_zero(element.type()));
  }
  /// The cotangent's element of the window that has (y, x) as its own (p, q), or 0 where there is none.
  Expr cotangent(Value g, const Expr &n, const Expr &o, const Expr &y, const Expr &x, const Expr &p, const Expr &q) {
    auto type = cast<RankedTensorType>(g.getType());
    int rows = (int)type.getDimSize(2), columns = (int)type.getDimSize(3);
    Expr down = y + padding(0) - p * dilation(0), along = x + padding(1) - q * dilation(1);
    Expr i = down / stride(0), j = along / stride(1);
    Expr reached = down % stride(0) == 0 && along % stride(1) == 0 && i >= 0 && i < rows && j >= 0 && j < columns;
    Expr element = kernel.load(g, {n, o, clamp(i, 0, rows - 1), clamp(j, 0, columns - 1)});
    return select(reached, element, Halide::Internal::make_zero(element.type()));
  }

  /// Binds the result, of channels by columns, and schedules it: dimensions from `flatFrom` on are the columns, the one
  /// before them is the channel, and what is before that, if anything, the image. False where they are not one in
  /// memory.
  bool multiply(int perGroup, int flatFrom, const Flat &columns, const Expr &terms, bool leftByTerm, bool rightByTerm,
                const DeviceProduct::Operand &left, const DeviceProduct::Operand &right) {
    // A block of rows has one group, or a part of the only one.
    if (groups > 1 && perGroup > kernel.schedule().getTask()) return false;
    if (!kernel.flattenOutput(flatFrom)) return false;
    DeviceProduct product(kernel, {Expr(perGroup), columns.size(), terms, flatFrom, leftByTerm, rightByTerm}, left,
                          right);
    kernel.bindElement(op.getResult(), [=, &kernel = kernel, groups = groups](Coordinates logical) {
      std::vector<Expr> at = kernel.outputCoordinates(logical);
      Expr channel = at[flatFrom - 1];
      std::vector<Expr> outer{groups > 1 ? channel / perGroup : Expr(0)};
      if (flatFrom == 2) outer.push_back(at[0]);
      return product(groups > 1 ? channel % perGroup : channel, at.back(), outer);
    });
    Output &output = kernel.output();
    Halide::Stage stage = output.stage();
    Var group("group_of_channels"), row = output.vars[flatFrom - 1];
    std::vector<Var> outer;
    if (groups > 1) {
      Var channel = row;
      row = Var("channel_of_group");
      stage.split(channel, group, row, perGroup);
      outer.push_back(group);
    }
    if (flatFrom == 2) outer.push_back(output.vars[0]);
    product.schedule(output.func, stage, row, output.vars.back(), outer);
    return true;
  }

  int stride(int d) { return (int)op.getStride()[d]; }
  int padding(int d) { return (int)op.getPadding()[d]; }
  int dilation(int d) { return (int)op.getDilation()[d]; }

  Op op;
  KernelLowering &kernel;
  int groups, outputs, channels, height, width; // outputs and channels of one group
};

} // namespace

void lowerOnDevice(Conv2dOp op, KernelLowering &kernel) {
  DeviceConvolution<Conv2dOp> c(op, op.getWeight().getType(), kernel);
  Flat window({c.channels, c.height, c.width}),
      pixels({(int)op.getType().getDimSize(2), (int)op.getType().getDimSize(3)});
  auto weight = [=, &kernel](const Expr &output, const std::vector<Expr> &at) mutable {
    return kernel.load(op.getWeight(), {output, at[0], at[1], at[2]});
  };
  bool multiplies =
      kernel.schedule().getLoops() == "MNkmn" &&
      c.multiply(
          c.outputs, 2, pixels, window.size(), true, false,
          [&](const Expr &row, const Expr &term, Coordinates outer) {
            return weight(outer[0] * c.outputs + row, window.indices(term));
          },
          [&](const Expr &column, const Expr &term, Coordinates outer) {
            auto at = window.indices(term), of = pixels.indices(column);
            return c.image(op.getX(), outer[1], outer[0] * c.channels + at[0], of[0], of[1], at[1], at[2]);
          });
  if (multiplies) return;
  std::vector<Var> v = kernel.variables(4);
  Halide::RDom r = kernel.reduction("r", {c.width, c.height, c.channels});
  Expr first = v[1] / c.outputs * c.channels;
  sumInto(kernel, op.getResult(), "convolution",
          c.image(op.getX(), v[0], first + r.z, v[2], v[3], r.y, r.x) * weight(v[1], {r.z, r.y, r.x}));
}

void lowerOnDevice(Conv2dInputGradOp op, KernelLowering &kernel) {
  DeviceConvolution<Conv2dInputGradOp> c(op, op.getWeight().getType(), kernel);
  Flat window({c.outputs, c.height, c.width}),
      pixels({(int)op.getType().getDimSize(2), (int)op.getType().getDimSize(3)});
  auto weight = [=, &kernel](const Expr &group, const std::vector<Expr> &at, const Expr &channel) mutable {
    return kernel.load(op.getWeight(), {group * c.outputs + at[0], channel, at[1], at[2]});
  };
  bool multiplies =
      kernel.schedule().getLoops() == "MNkmn" &&
      c.multiply(
          c.channels, 2, pixels, window.size(), false, false,
          [&](const Expr &row, const Expr &term, Coordinates outer) {
            return weight(outer[0], window.indices(term), row);
          },
          [&](const Expr &column, const Expr &term, Coordinates outer) {
            auto at = window.indices(term), of = pixels.indices(column);
            return c.cotangent(op.getCotangent(), outer[1], outer[0] * c.outputs + at[0], of[0], of[1], at[1], at[2]);
          });
  if (multiplies) return;
  std::vector<Var> v = kernel.variables(4);
  Halide::RDom r = kernel.reduction("r", {c.width, c.height, c.outputs});
  Expr group = v[1] / c.channels;
  sumInto(kernel, op.getResult(), "convolution",
          c.cotangent(op.getCotangent(), v[0], group * c.outputs + r.z, v[2], v[3], r.y, r.x) *
              weight(group, {r.z, r.y, r.x}, v[1] % c.channels));
}

void lowerOnDevice(Conv2dWeightGradOp op, KernelLowering &kernel) {
  DeviceConvolution<Conv2dWeightGradOp> c(op, op.getType(), kernel);
  RankedTensorType g = op.getCotangent().getType();
  Flat window({c.channels, c.height, c.width});
  Flat pixels({kernel.extent(op.getX(), 0), (int)g.getDimSize(2), (int)g.getDimSize(3)});
  auto cotangent = [=, &kernel](const std::vector<Expr> &of, const Expr &output) mutable {
    return kernel.load(op.getCotangent(), {of[0], output, of[1], of[2]});
  };
  bool multiplies = c.multiply(
      c.outputs, 1, window, pixels.size(), true, true,
      [&](const Expr &row, const Expr &term, Coordinates group) {
        return cotangent(pixels.indices(term), group[0] * c.outputs + row);
      },
      [&](const Expr &column, const Expr &term, Coordinates group) {
        auto at = window.indices(column), of = pixels.indices(term);
        return c.image(op.getX(), of[0], group[0] * c.channels + at[0], of[1], of[2], at[1], at[2]);
      });
  if (multiplies) return;
  std::vector<Var> v = kernel.variables(4);
  Halide::RDom r = kernel.reduction("r", {(int)g.getDimSize(3), (int)g.getDimSize(2), kernel.extent(op.getX(), 0)});
  Expr first = v[0] / c.outputs * c.channels;
  sumInto(kernel, op.getResult(), "convolution",
          cotangent({r.z, r.y, r.x}, v[0]) * c.image(op.getX(), r.z, first + v[1], r.y, r.x, v[2], v[3]));
}

} // namespace fovea
