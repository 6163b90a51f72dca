// Matrix products: tiles of the result that stay in registers, panels of b that stay in cache.
#include "lib/halide/DeviceProduct.h"
#include "lib/halide/Families.h"
#include "lib/halide/RegisterTile.h"
#include "lib/kernels/PointCost.h"
#include "lib/kernels/schedule/Schedule.h"

#include <cctype>

using namespace mlir;
using Halide::Expr;
using Halide::Func;
using Halide::RDom;
using Halide::TailStrategy;
using Halide::Var;

namespace fovea {
namespace {

constexpr auto guard = TailStrategy::GuardWithIf, whole = TailStrategy::RoundUp;

/// Loops `[b]MN[k][a][b]nmkn`, or with M and N the other way round: blocks of `task` rows and `width` columns, the
/// capitals shared among threads; parts of the sum of `depth` terms, where it is cut; panels of `columns`; tiles of
/// `rows`; the sum, and the tile itself in registers. b is copied into panels for all tasks, or in each task; a, in
/// each task, into the rows of tiles. Where the target has dot products of bf16 pairs, panels have the terms in pairs.
class Matmul {
public:
  Matmul(MatmulOp op, KernelLowering &kernel)
      : op(op), kernel(kernel), type(op.getType()), vars(kernel.variables(type.getRank())),
        loops(kernel.schedule().getLoops()), rows((int)kernel.schedule().getRows()),
        columns((int)kernel.schedule().getColumns()), lanes((int)kernel.schedule().getVector()),
        width((int)kernel.schedule().getWidth()), step((int)kernel.schedule().getDepth()),
        chains(longChains(kernel.op)), isCut(loops.count('k') == 2) {
    m = vars.end()[-2];
    n = vars.end()[-1];
    mExtent = kernel.extents(type).end()[-2];
    nExtent = kernel.extents(type).end()[-1];
    int64_t rank = op.getA().getType().getRank();
    depth = kernel.extent(op.getA(), op.getTransposeA() ? rank - 2 : rank - 1);
    inPairs = kernel.multipliesPairs = canMultiplyPairs();
  }

  void lower() {
    if (kernel.onDevice()) return lowerOnDevice();
    if (loops.contains('a')) defineTiles();
    if (loops.contains('b')) definePanels();
    kernel.bind(op.getResult(), isCut ? defineInParts() : defineAtOnce());
    Halide::LoopLevel tile = scheduleOutput();
    if (isCut) tile = scheduleSums();
    if (loops.contains('a')) scheduleTiles();
    if (loops.contains('b')) schedulePanels();
    RegisterTile registers{n, m, columns, rows, lanes};
    if (kept.defined()) registers.place(kept, tile);
    if (!inPairs) {
      registers.schedule(product, tile, k);
      if (hasNextPanel()) RegisterTile::prefetchNext(kernel, product, k, tileLoop, taskRows() / rows);
      if (!isCut)
        prefetchResult();
      else if (op.getTransposeA() && !op.getTransposeB())
        prefetchCopied();
      return;
    }
    registers.place(product, tile);
    product.update().reorder(k.x, n, m, k.y).atomic().vectorize(k.x).vectorize(n, lanes).unroll(n).unroll(m);
  }

private:
  //===-- The product ---------------------------------------------------------------------------------------------===//

  /// The operand as it is stored, if it is bf16 that is widened.
  static Value narrow(Value operand) {
    auto cast = operand.getDefiningOp<CastOp>();
    return cast && cast.getX().getType().getElementType().isBF16() ? cast.getX() : Value();
  }
  /// Pairs of a lie side by side, and those of b in its panels.
  bool canMultiplyPairs() {
    std::optional<int64_t> terms = constantOf(depth);
    return !kernel.target.halideDots.empty() && type.getElementType().isF32() && narrow(op.getA()) &&
           narrow(op.getB()) && !op.getTransposeA() && terms && *terms % 2 == 0 && loops.contains('b') &&
           !loops.contains('a') && !isCut;
  }

  /// Returns what the product's readers read, as does defineInParts.
  Func defineAtOnce() {
    k = inPairs ? kernel.reduction("k", {2, depth / 2}) : kernel.reduction("k", {depth});
    product = kernel.func("product");
    std::vector<Var> at = kernel.reversed(vars);
    product(at) = zero();
    product(at) += inPairs ? elementA(k.y * 2 + k.x) * inPair() : atEach(k, term(k.x));
    if (!chains) return product;
    // The tile in memory, which is gone through row by row, for what needs registers of its own, such as gelu. LLVM
    // keeps the product itself in registers only where all that reads it is unrolled; it would be filled with zeros in
    // memory as well.
    kept = kernel.func("kept");
    kept(at) = product(at);
    return kept;
  }

  /// The sum of sums over `step` terms each. Where a row's sum is cut depends on no other row.
  Func defineInParts() {
    k = kernel.reduction("k", {step});
    part = kernel.reduction("part", {(depth + step - 1) / step});
    Var partVar("part");
    std::optional<int64_t> constant = constantOf(depth);
    if (!constant || *constant % step) k.where(partVar * step + k.x < depth);
    product = kernel.func("product");
    sums = kernel.func("sums");
    std::vector<Var> at = kernel.reversed(vars), atPart = at;
    atPart.push_back(partVar);
    product(atPart) = zero();
    product(atPart) += atEach(k, term(partVar * step + k.x));
    std::vector<Expr> ofPart(at.begin(), at.end());
    ofPart.push_back(part.x);
    sums(at) = zero();
    sums(at) += product(ofPart);
    return sums;
  }

  Expr zero() { return kernel.real(kernel.type(type.getElementType()), 0); }

  /// Tiles may reach beyond the last row or column: what they read there is the last one once more.
  Expr term(const Expr &at) { return elementA(at) * elementB(at); }
  Expr elementA(const Expr &at) {
    if (tiles.defined()) return tiles(copied(m % rows, at, m / rows, op.getA()));
    return element(op.getA(), min(Halide::likely(Expr(m)), mExtent - 1), inSum(at), op.getTransposeA());
  }
  Expr elementB(const Expr &at) {
    if (panels.defined()) return panels(copied(n % columns, at, n / columns, op.getB()));
    std::optional<int64_t> extent = constantOf(nExtent);
    bool full = isStoredInPanels() || (extent && *extent % columns == 0);
    return element(op.getB(), inSum(at), full ? Expr(n) : min(Halide::likely(Expr(n)), nExtent - 1),
                   op.getTransposeB());
  }
  /// The last part of a sum that is cut ends with the sum: bounds inference does not see that in its condition.
  Expr inSum(const Expr &at) { return isCut ? Halide::unsafe_promise_clamped(at, 0, depth - 1) : at; }

  Expr inPair() {
    Expr at = k.x + n * 2; // as one number, so that it is seen to be dense
    int size = 2 * columns;
    return Halide::cast<float>(panels(copied(at % size, Expr(k.y), at / size, op.getB())));
  }

  void lowerOnDevice() {
    DeviceProduct product(
        kernel,
        {mExtent, nExtent, depth, (int)vars.size() - 2, !op.getTransposeA(), op.getTransposeB()},
        [&](const Expr &row, const Expr &at, Coordinates batch) {
          return element(op.getA(), row, at, op.getTransposeA(), batch);
        },
        [&](const Expr &column, const Expr &at, Coordinates batch) {
          return element(op.getB(), at, column, op.getTransposeB(), batch);
        });
    std::vector<Var> batch(vars.begin(), vars.end() - 2);
    Func result = kernel.func("matmul");
    result(kernel.reversed(vars)) = product(m, n, std::vector<Expr>(batch.begin(), batch.end()));
    kernel.bind(op.getResult(), result);
    Output &output = kernel.output();
    product.schedule(output.func, output.stage(), m, n, kernel.reversed(batch));
  }

  /// An operand's element at its own batch coordinates, which may broadcast, and (i, j).
  Expr element(Value operand, Expr i, Expr j, bool transposed) {
    std::vector<Expr> batch(vars.begin(), vars.end() - 2);
    return element(operand, i, j, transposed, batch);
  }
  Expr element(Value operand, Expr i, Expr j, bool transposed, Coordinates batchOfResult) {
    auto tensor = cast<RankedTensorType>(operand.getType());
    DimsAttr from = dimsOf(tensor), to = dimsOf(type);
    int64_t batch = tensor.getRank() - 2, shift = type.getRank() - tensor.getRank();
    std::vector<Expr> at;
    for (int64_t d = 0; d < batch; ++d)
      at.push_back(isSize(from.getSizes()[d], 1) && !isSize(to.getSizes()[d + shift], 1) ? Expr(0)
                                                                                         : batchOfResult[d + shift]);
    if (transposed) std::swap(i, j);
    at.push_back(i);
    at.push_back(j);
    return kernel.load(operand, at);
  }

  /// Whether b's storage has the panels that the tiles read. Its last panel is filled up, so every column can be read.
  bool isStoredInPanels() {
    auto unpack = op.getB().getDefiningOp<UnpackOp>();
    return unpack && unpack.getPanels() == PanelsAttr::get(op.getContext(), op.getTransposeB() ? 0 : 1, columns);
  }

  //===-- Copies --------------------------------------------------------------------------------------------------===//

  /// Coordinates of a copy: within a tile or panel, the term of the sum, which tile or panel, and the batch.
  template <typename Index> std::vector<Index> copied(Index inner, Index term, Index outer, Value operand) {
    std::vector<Index> result{inner, term, outer};
    if (cast<RankedTensorType>(operand.getType()).getRank() > 2)
      for (int64_t d = (int64_t)vars.size() - 3; d >= 0; --d) result.push_back(vars[d]);
    return result;
  }

  void defineTiles() {
    tiles = kernel.func("tiles");
    tiles(copied(inner, deep, outer, op.getA())) =
        element(op.getA(), min(Halide::likely(outer * rows + inner), mExtent - 1),
                min(Halide::likely(Expr(deep)), depth - 1), op.getTransposeA());
  }
  void definePanels() {
    panels = kernel.func("panels");
    Expr row = inPairs ? deep * 2 + inner % 2 : Expr(deep), column = inPairs ? inner / 2 : Expr(inner);
    panels(copied(inner, deep, outer, op.getB())) =
        element(inPairs ? narrow(op.getB()) : op.getB(), min(Halide::likely(row), depth - 1),
                min(Halide::likely(outer * columns + column), nExtent - 1), op.getTransposeB());
  }

  /// Copies in the order in which a lies, so that whole vectors of it are read.
  void scheduleTiles() {
    computeInTask(tiles);
    tiles.bound_extent(inner, rows).bound_storage(outer, taskRows() / rows);
    int vector = std::min(lanes, rows & -rows); // the power of two in `rows`
    if (op.getTransposeA()) {
      Var inLine("in_line");
      tiles.split(outer, outer, inLine, tilesOfLine(), guard).reorder(inner, inLine, deep, outer);
      tiles.vectorize(inner, vector).unroll(inner).unroll(inLine);
    } else
      tiles.reorder_storage(deep, inner, outer).reorder(deep, inner, outer).vectorize(deep, lanes, guard);
  }
  /// What one line of a has of a term goes into so many tiles at once.
  int tilesOfLine() {
    constexpr int lineBytes = 64;
    int most = (int)llvm::divideCeil(lineBytes, rows * type.getElementTypeBitWidth() / 8), all = taskRows() / rows;
    while (all % most) --most;
    return most;
  }
  void schedulePanels() {
    Var half("half");
    panels.bound_extent(inner, inPairs ? 2 * columns : columns);
    if (inPairs) panels.split(inner, inner, half, 2).unroll(half);
    panels.vectorize(inner, lanes).unroll(inner);
    if (loops.starts_with('b')) {
      Expr terms = isCut ? (depth + step - 1) / step * step : inPairs ? depth / 2 : depth;
      panels.compute_root().bound(deep, 0, terms).bound(outer, 0, (nExtent + columns - 1) / columns);
      if (loops.contains('M') || loops.contains('N')) panels.parallel(outer);
    } else {
      computeInTask(panels);
      panels.bound_storage(outer, width / columns);
    }
  }
  /// Of operands that lie term by term, as for the gradient of a matrix.
  void prefetchCopied() {
    std::vector<std::string> copies;
    for (const Func &copy : {tiles, panels})
      if (copy.defined()) copies.push_back(copy.name());
    kernel.addPass(std::make_unique<PrefetchCopied>(PrefetchCopied::Product{
        loopName(sums, true, part.x.name()), loopName(sums, true, n.name() + ".panel"),
        loopName(sums, true, m.name() + ".tile"), RegisterTile::turns(product, k), width / columns, taskRows() / rows,
        RegisterTile::termsAtTurn, copies}));
  }
  void prefetchResult() {
    Expr bytes = elementCount(kernel.extents(type)) * (int)(type.getElementTypeBitWidth() / 8);
    kernel.addPass(std::make_unique<PrefetchResult>(tileLoop, bytes));
  }
  void computeInTask(Func copy) {
    if (isCut)
      copy.compute_at(sums, part.x).bound_storage(deep, (int)llvm::alignTo(step, lanes));
    else
      copy.compute_at(kernel.output().func, task);
  }
  /// Whether a task goes through several panels, each for all its terms.
  bool hasNextPanel() const { return !isCut && width > columns; }
  /// Tiles of a task; where it has whole rows, whose number is known when it runs, fewer of few, for even shares.
  Expr tilesOfTask() {
    int most = taskRows() / rows;
    StringRef inTask = loops.ltrim('b');
    bool copies = inTask.contains('a') || inTask.contains('b');
    bool wholeRows = constantOf(nExtent).value_or(INT64_MAX) <= width;
    if (constantOf(mExtent) || !wholeRows || !hasNextPanel() || copies) return most;
    return clamp(mExtent / (int)(rows * fairTasks), 1, most);
  }
  int taskRows() { return (int)llvm::alignTo(kernel.schedule().getTask(), rows); }

  //===-- Loops ---------------------------------------------------------------------------------------------------===//

  /// Returns the loop over tiles.
  Halide::LoopLevel scheduleOutput() {
    Output &output = kernel.output();
    Halide::Stage stage = output.stage();
    Var row = m, block("block"), group("group"), inPanel("in_panel"), inTile("in_tile"), tile("tile");
    if (output.vars.size() == vars.size()) {
      stage.split(n, panel, inPanel, columns, guard);
    } else { // the result is stored in panels of one or several tiles
      Var piece("piece");
      row = output.vars[1];
      stage.split(output.vars[2], piece, inPanel, columns).fuse(piece, output.vars[0], panel);
    }
    stage.split(panel, group, panel, width / columns, guard);
    stage.split(row, tile, inTile, rows, guard).split(tile, block, tile, tilesOfTask(), guard);
    tileLoop = loopName(output.func, output.inPlace, row.name() + ".tile.tile");
    StringRef order = loops.ltrim('b').upper();
    bool columnsFirst = order.starts_with("N");
    stage.reorder({inPanel, inTile, tile, panel, columnsFirst ? block : group, columnsFirst ? group : block});
    // Of several chains to an element a row's vectors go beside each other.
    stage.vectorize(inPanel, kept.defined() && chains > 1 ? columns : lanes).unroll(inPanel);
    if (!kept.defined() && !isCut) stage.unroll(inTile);
    shareAmongThreads(stage, columnsFirst ? group : block, columnsFirst ? block : group);
    return {output.func, tile};
  }

  void shareAmongThreads(Halide::Stage &stage, Var first, Var second) {
    StringRef order = loops.ltrim('b');
    bool shareFirst = isupper(order[0]), shareSecond = isupper(order[1]);
    task = second;
    if (!shareFirst) {
      if (shareSecond) stage.parallel(second);
      return;
    }
    if (shareSecond) stage.fuse(second, first, first);
    for (int64_t d = (int64_t)vars.size() - 3; d >= 0; --d) {
      Var batch("batch" + std::to_string(d));
      stage.fuse(first, vars[d], batch);
      first = batch;
    }
    stage.parallel(first);
    if (shareSecond) task = first;
  }

  /// Returns the loop over tiles.
  Halide::LoopLevel scheduleSums() {
    Var inPanel("in_panel"), inTile("in_tile"), tile("tile");
    sums.compute_at(kernel.output().func, task);
    sums.bound_storage(n, width).bound_storage(m, taskRows());
    for (Halide::Stage stage : {Halide::Stage(sums), sums.update()}) {
      stage.split(n, panel, inPanel, columns, whole).split(m, tile, inTile, rows, whole);
      stage.vectorize(inPanel, lanes).unroll(inPanel).unroll(inTile);
    }
    sums.reorder(inPanel, inTile, tile, panel);
    sums.update().reorder(inPanel, inTile, tile, panel, part.x);
    return {sums, tile};
  }

  MatmulOp op;
  KernelLowering &kernel;
  RankedTensorType type;
  std::vector<Var> vars;
  StringRef loops;
  int rows, columns, lanes, width, step;
  int64_t chains; // of dependent operations to an element, by what reads the product
  bool isCut, inPairs;
  Var m, n, task, panel{"panel"}, inner{"inner"}, deep{"deep"}, outer{"outer"};
  Expr mExtent, nExtent, depth;
  RDom k, part;
  Func product, kept, sums, tiles, panels;
  std::string tileLoop; // of the output
};

struct MatmulLowering : AnchorLowering::ExternalModel<MatmulLowering, MatmulOp> {
  LogicalResult lowerAnchor(Operation *op, KernelLowering &kernel) const {
    Matmul(cast<MatmulOp>(op), kernel).lower();
    return success();
  }
};

} // namespace

void registerContractionLowerings(MLIRContext *context) { MatmulOp::attachInterface<MatmulLowering>(*context); }

} // namespace fovea
