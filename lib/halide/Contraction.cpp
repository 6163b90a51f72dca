// Matrix products in register tiles.
#include "lib/halide/Families.h"

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

/// b is packed in panels of a register tile's columns where the whole of it has at most this many elements.
constexpr int64_t packedElements = 1 << 20;

class Matmul {
public:
  Matmul(MatmulOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), type(op.getType()), vars(kernel.variables(type.getRank())),
        rows((int)kernel.schedule().getRows()), columns((int)kernel.schedule().getColumns()),
        lanes((int)kernel.schedule().getVector()) {
    m = vars.end()[-2];
    n = vars.end()[-1];
    mExtent = kernel.extents(type).end()[-2];
    nExtent = kernel.extents(type).end()[-1];
  }

  void lower() {
    int64_t rank = op.getA().getType().getRank();
    Expr depth = kernel.extent(op.getA(), op.getTransposeA() ? rank - 2 : rank - 1);
    k = kernel.reduction("k", {depth});
    product = kernel.func("product");
    std::vector<Var> arguments = kernel.reversed(vars);
    pack(depth);
    product(arguments) = kernel.real(kernel.type(type.getElementType()), 0);
    product(arguments) += atEach(k, elementA(min(Expr(m), mExtent - 1), k.x) * elementB(k.x));
    kernel.bind(op.getResult(), product);
    schedule();
  }

private:
  /// An operand's element at its own batch coordinates, which may broadcast, and (i, j).
  Expr element(Value operand, Expr i, Expr j, bool transposed) {
    auto tensor = cast<RankedTensorType>(operand.getType());
    DimsAttr from = dimsOf(tensor), to = dimsOf(type);
    int64_t batch = tensor.getRank() - 2, shift = type.getRank() - tensor.getRank();
    std::vector<Expr> at;
    for (int64_t d = 0; d < batch; ++d)
      at.push_back(isSize(from.getSizes()[d], 1) && !isSize(to.getSizes()[d + shift], 1) ? Expr(0)
                                                                                         : Expr(vars[d + shift]));
    if (transposed) std::swap(i, j);
    at.push_back(i);
    at.push_back(j);
    return kernel.load(operand, at);
  }
  Expr elementA(const Expr &i, const Expr &depth) { return element(op.getA(), i, depth, op.getTransposeA()); }
  Expr elementB(const Expr &depth) {
    if (packed.defined()) return packed(n % columns, depth, n / columns);
    if (isStoredInPanels()) return element(op.getB(), depth, n, op.getTransposeB());
    std::optional<int64_t> extent = constantOf(nExtent);
    // The last tile may reach beyond the matrix: its surplus columns read the last one.
    bool whole = extent && *extent % columns == 0;
    return element(op.getB(), depth, whole ? Expr(n) : min(Expr(n), nExtent - 1), op.getTransposeB());
  }

  /// Whether b's storage has the panels that the tiles read. Its last panel is filled up, so every column can be read.
  bool isStoredInPanels() {
    auto unpack = op.getB().getDefiningOp<UnpackOp>();
    return unpack && unpack.getPanels() == PanelsAttr::get(op.getContext(), op.getTransposeB() ? 0 : 1, columns);
  }

  void pack(const Expr &depth) {
    auto b = cast<RankedTensorType>(op.getB().getType());
    if (isStoredInPanels() || b.getRank() != 2 || !b.hasStaticShape() || b.getNumElements() > packedElements) return;
    Var column("column"), deep("deep"), panel("panel");
    packed = kernel.func("packed");
    packed(column, deep, panel) =
        element(op.getB(), deep, min(panel * columns + column, nExtent - 1), op.getTransposeB());
    packed.compute_root()
        .bound(column, 0, columns)
        .bound(deep, 0, depth)
        .bound(panel, 0, (nExtent + columns - 1) / columns)
        .vectorize(column, lanes, TailStrategy::GuardWithIf);
    StringRef loops = kernel.schedule().getLoops();
    if (loops.contains('M') || loops.contains('N')) packed.parallel(panel);
  }

  /// Loops `MNmkn` or `NMmkn`: blocks of `task` rows and panels of columns, the capitals shared among threads, in the
  /// order given; then tiles of rows, the sum, and the tile itself in registers.
  void schedule() {
    Output &output = kernel.output();
    Halide::Stage stage = output.stage();
    Var panel("panel"), block("block"), tile("tile"), inTile("in_tile"), inPanel("in_panel"), row = m;
    auto tail = TailStrategy::GuardWithIf;
    if (output.vars.size() == vars.size()) {
      stage.split(n, panel, inPanel, columns, tail);
    } else { // the result is stored in panels of one or several tiles
      Var part("part");
      row = output.vars[1];
      stage.split(output.vars[2], part, inPanel, columns).fuse(part, output.vars[0], panel);
    }
    stage.split(row, block, tile, (int)kernel.schedule().getTask(), tail).split(tile, tile, inTile, rows, tail);
    StringRef loops = kernel.schedule().getLoops();
    bool panelsFirst = loops.upper().find('N') < loops.upper().find('M');
    std::vector<Halide::VarOrRVar> order{inPanel, inTile, tile, panelsFirst ? block : panel,
                                         panelsFirst ? panel : block};
    stage.reorder(order);
    stage.vectorize(inPanel, lanes).unroll(inPanel).unroll(inTile);
    shareAmongThreads(stage, loops, block, panel, panelsFirst);

    product.compute_at(output.func, tile);
    product.bound_extent(n, columns).bound_extent(m, rows).vectorize(n, lanes).unroll(n).unroll(m);
    product.update().reorder(n, m, k.x).vectorize(n, lanes).unroll(n).unroll(m);
  }

  void shareAmongThreads(Halide::Stage &stage, StringRef loops, Var block, Var panel, bool panelsFirst) {
    bool blocks = loops.contains('M'), panels = loops.contains('N');
    Var outer = panelsFirst ? panel : block, inner = panelsFirst ? block : panel;
    if (blocks && panels) {
      stage.fuse(inner, outer, outer);
    } else if (panelsFirst ? !panels : !blocks) {
      if (panelsFirst ? blocks : panels) stage.parallel(inner);
      return;
    }
    for (int64_t d = (int64_t)vars.size() - 3; d >= 0; --d) {
      Var fused("batch" + std::to_string(d));
      stage.fuse(outer, vars[d], fused);
      outer = fused;
    }
    stage.parallel(outer);
  }

  MatmulOp op;
  KernelLowering &kernel;
  RankedTensorType type;
  std::vector<Var> vars;
  int rows, columns, lanes;
  Var m, n;
  Expr mExtent, nExtent;
  RDom k;
  Func product, packed;
};

struct MatmulLowering : AnchorLowering::ExternalModel<MatmulLowering, MatmulOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    Matmul(cast<MatmulOp>(op), kernel).lower();
    return success();
  }
};

} // namespace

void registerContractionLowerings(MLIRContext *context) {
  MatmulOp::attachInterface<MatmulLowering>(*context);
}

} // namespace fovea
