// One kernel on its way to a Halide pipeline: its arguments as ImageParams, its values as expressions, its results as
// Funcs.
#pragma once

#include "dialect/Ops.h"
#include "dialect/Shape.h"
#include "lib/halide/Names.h"
#include "lib/kernels/Target.h"

#include <Halide.h>

namespace fovea {

using Coordinates = llvm::ArrayRef<Halide::Expr>;

class KernelLowering;

} // namespace fovea

#include "lib/halide/Lowering.h.inc"

namespace fovea {

/// The value of an expression that simplifies to a constant.
std::optional<int64_t> constantOf(const Halide::Expr &expression);

/// How many elements there are, in 64 bits.
Halide::Expr elementCount(const std::vector<Halide::Expr> &extents);

/// The element, naming the reduction's variable: an update that names none runs once, however large the reduction is.
Halide::Expr atEach(const Halide::RDom &r, const Halide::Expr &element);

/// The Func that holds the results of the kernel's main shape, and where its schedule goes.
struct Output {
  Halide::Func func;
  std::vector<Halide::Var> vars; // logical order, outermost first
  std::vector<Halide::Expr> extents;
  bool inPlace = false;

  /// The stage that computes: the update over undef where results share the buffer of an argument.
  Halide::Stage stage() const { return inPlace ? Halide::Func(func).update() : Halide::Stage(Halide::Func(func)); }
  /// Tails of a tiled loop: shifting inwards needs a constant extent of at least the tile and no update.
  Halide::TailStrategy tail(const Halide::Expr &extent, int64_t tile) const;
};

class KernelLowering {
public:
  KernelLowering(KernelOp op, const Target &target, std::string prefix);

  /// Lowers and schedules the whole kernel.
  LogicalResult run();

  //===-- For the ops ---------------------------------------------------------------------------------------------===//

  /// The element of a value at logical coordinates.
  Halide::Expr load(Value value, Coordinates coordinates);
  /// The same where the value may broadcast to `coordinates`, of the shape of `result`: sizes of 1 and missing ones.
  Halide::Expr loadBroadcast(Value value, Coordinates coordinates, RankedTensorType result);
  /// Scalars inside a region, such as what it yields, for its first arguments; the further ones are `captures`. Some
  /// values inside may be given.
  std::vector<Halide::Expr> evaluate(mlir::Region &region, Coordinates arguments, mlir::ValueRange captures,
                                     mlir::ValueRange scalars,
                                     llvm::ArrayRef<std::pair<Value, Halide::Expr>> given = {});
  Halide::Expr extent(Value value, int64_t dimension);
  std::vector<Halide::Expr> extents(RankedTensorType type);
  Halide::Expr size(DimsAttr dims, unsigned index);
  static Halide::Type type(mlir::Type element);
  /// A constant of a float type.
  static Halide::Expr real(Halide::Type type, double value) { return Halide::Internal::make_const(type, value); }
  /// The element of a constant at a row-major index.
  Halide::Expr lookUp(mlir::DenseElementsAttr elements, Halide::Expr index);

  /// From now on `load` of this anchor result reads `func`, whose arguments are in Halide's order (innermost first).
  void bind(Value result, Halide::Func func) { bound.insert({result, std::move(func)}); }
  /// The same with an expression of logical coordinates.
  using Element = std::function<Halide::Expr(Coordinates)>;
  void bindElement(Value result, Element element) { elements.insert({result, std::move(element)}); }
  bool isYielded(Value result) const;
  /// Makes a bound Func itself the pipeline's output for this result.
  void yieldDirectly(Value result, Halide::Func func);
  /// `value`, the definition of a stage that is stored: with it, `element` goes to the result at these coordinates.
  /// Where there is a condition, only there.
  Halide::Expr yieldBeside(Value result, const Halide::Expr &value, const Halide::Expr &element,
                           Coordinates coordinates, const Halide::Expr &condition = Halide::Internal::const_true());
  /// The elements of this Tuple's update depend on each other's values before it.
  void updatesTogether(const Halide::Func &func) { together.push_back(func.name()); }
  /// `value`, for which `other` has been computed and kept. What a block of threads shares from before a loop on is to
  /// be kept until after it: Halide 21 takes its memory to be free after its last use within.
  Halide::Expr after(const Halide::Expr &value, const Halide::Expr &other);
  /// Makes dimensions from `first` on one of the output's, the last; false where they do not lie so in memory. For
  /// anchors that go through them as one, before `output`.
  bool flattenOutput(int64_t first);
  /// The kernel, as lowered, goes through this as well.
  void addPass(std::unique_ptr<Halide::Internal::IRMutator> pass) { passes.push_back(std::move(pass)); }
  /// The output's own coordinates for an element's logical ones, which must be those that it is defined at.
  std::vector<Halide::Expr> outputCoordinates(Coordinates logical);
  /// The Func of all results of the main shape; built at the first call, with the sums of rows that are no anchor.
  Output &output();
  /// Computes those where a row of the output is.
  void placeRowSums(const Halide::Var &row);

  /// A Func under the kernel's prefix; lib/halide/Names gives it this name again after lowering.
  Halide::Func func(const std::string &name) {
    Halide::Func result(prefix + "_" + name);
    names.push_back({result.name(), prefix + "_" + name});
    return result;
  }
  static Halide::Var var(const std::string &name) { return Halide::Var(name); }
  static Halide::RDom reduction(const std::string &name, const std::vector<Halide::Expr> &extents);
  /// `dim0`, `dim1`, ... for each dimension of a type, logical order.
  /// Halide makes up names such as v0 itself.
  static std::vector<Halide::Var> variables(int64_t rank);
  static std::vector<Halide::Var> reversed(std::vector<Halide::Var> vars) { return {vars.rbegin(), vars.rend()}; }
  static std::vector<Halide::Expr> reversed(Coordinates coordinates) {
    return {coordinates.rbegin(), coordinates.rend()};
  }

  ScheduleAttr schedule() { return *op.getSchedule(); }
  int64_t lanes(Halide::Type type) const { return target.lanes(type.bits()); }
  bool onDevice() const { return target.onDevice(); }

  KernelOp op;
  const Target &target;
  bool multipliesPairs = false; // with the target's dot products
  bool checks = false;          // whether kernels look for what authors can do wrong

  //===-- For the compiler ----------------------------------------------------------------------------------------===//

  Halide::Pipeline pipeline();
  std::vector<Halide::Argument> arguments() const;
  const Names &givenNames() const { return names; }

private:
  void makeArguments();
  void lowerRowSums();
  void lowerRowSums(llvm::MutableArrayRef<SumOp> sums);
  template <typename Buffer>
  void setLayout(Buffer buffer, RankedTensorType type, DimsAttr strides, bool bounds = true, int64_t flatFrom = -1);
  Halide::Expr expression(AffineExpr expression, ArrayRef<mlir::StringAttr> names);
  Halide::Expr lower(Value value, Coordinates coordinates);

  std::string prefix;
  Names names; // of Funcs and inputs
  std::map<std::string, Halide::Param<int32_t>> sizes;
  std::vector<Halide::ImageParam> inputs; // those that no result works in place of
  llvm::DenseMap<Value, int64_t> inputOf;
  llvm::DenseMap<Value, int64_t> inPlaceOf; // index among the main results
  std::map<mlir::detail::ValueImpl *, Halide::Func> direct;
  llvm::DenseMap<Value, Halide::Func> bound;
  llvm::DenseMap<Value, Element> elements;
  std::vector<Halide::Expr> logicalCoordinates; // of the output, where it is flat
  int64_t flatFrom = -1;                        // the first dimension of the output that is one with those after it
  llvm::DenseMap<Value, Value> captured;        // of the arguments of regions
  struct Known {
    std::vector<Halide::Expr> coordinates;
    Halide::Expr expression;
  };
  llvm::DenseMap<Value, std::vector<Known>> known;
  llvm::DenseMap<mlir::Attribute, Halide::Buffer<>> tables;
  std::optional<Output> main;
  std::vector<std::function<void(const Halide::Var &)>> rowSums; // each places one
  bool storesBeside = false;
  std::vector<std::unique_ptr<Halide::Internal::IRMutator>> passes;
  std::vector<std::string> together;
};

/// Schedules elementwise output: rows shared among threads, the last dimension in vectors. Returns the loop over one
/// row, or over one vector where there are no rows, at which stages for that row can be computed; undefined for rank 0.
/// On a device that is the loop over blocks of rows, or over threads that have an element each.
Halide::Var scheduleElementwise(KernelLowering &kernel, bool vectorize = true);
/// The same with the kernel's sums of rows.
Halide::Var scheduleRows(KernelLowering &kernel);
/// Computes a stage there, whose argument `each` tells the rows that go together.
void computeWithRows(KernelLowering &kernel, Halide::Func stage, const Halide::Var &each, const Halide::Var &row);

/// Binds an anchor's result to the sum of `element` over its reduction, and schedules the kernel: the sum row by row of
/// the output, or at root where the result's shape is constant.
void sumInto(KernelLowering &kernel, Value result, const std::string &name, const Halide::Expr &element,
             bool root = false);

/// Registers the lowerings of every family with a registry.
void registerLowerings(mlir::DialectRegistry &registry);

} // namespace fovea
