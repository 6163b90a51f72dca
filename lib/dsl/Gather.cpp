// Look-ups by index, and updates by index.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

static Program &programOf(const Located &x, const Tensor &indices, const Tensor *updates = nullptr) {
  SmallVector<const Tensor *> tensors{&x.tensor, &indices};
  if (updates) tensors.push_back(updates);
  return Program::of(x.site, tensors);
}

/// Looks up, or, with updates, combines with them.
static Tensor lookUp(const Located &x, ArrayRef<Tensor> indices, int64_t axis, int64_t batch,
                     const Tensor *updates = nullptr, Scatter how = Scatter::assign) {
  static constexpr StringLiteral names[] = {"assign", "add", "multiply", "maximum", "minimum"};
  Program &program = Program::of(x);
  SmallVector<Value> values;
  for (const Tensor &each : indices) values.push_back(valueOf(each));
  if (!updates) return apply<GatherOp>(program, x.site, valueOf(x), ValueRange(values), axis, batch);
  return program.tensor(program.makeAs<ScatterOp>(x.site, Program::typeOf(x), valueOf(x), ValueRange(values),
                                                  valueOf(*updates), axis, batch, names[(int)how]));
}

//===-- Along an axis ---------------------------------------------------------------------------------------------===//

Tensor gather(Located x, Located indices, int64_t axis) {
  programOf(x, indices);
  return lookUp(x, {indices.tensor}, frontAxis("gather", x, axis), 0);
}

Tensor scatter(Located x, Located indices, Located updates, int64_t axis, Scatter how) {
  programOf(x, indices, &updates.tensor);
  return lookUp(x, {indices.tensor}, frontAxis("scatter", x, axis), 0, &updates.tensor, how);
}

Tensor embedding(Located table, Located indices) {
  Program &program = programOf(table, indices);
  RankedTensorType type = Program::typeOf(table);
  if (type.getRank() != 2)
    program.fail(table.site, "embedding: the table is " + shapeText(type) + ": it must have rank 2, (rows, width)");
  return lookUp(table, {indices.tensor}, 0, 0);
}

//===-- Element by element ----------------------------------------------------------------------------------------===//

static Tensor byElements(const char *name, const Located &x, const Located &indices, int64_t axis,
                         const Located *updates = nullptr, Scatter how = Scatter::assign) {
  Program &program = programOf(x, indices, updates ? &updates->tensor : nullptr);
  int64_t front = frontAxis(name, x, axis), last = Program::typeOf(x).getRank() - 1;
  if (Program::typeOf(indices).getRank() != last + 1)
    program.fail(x.site, Twine(name) + ": x is " + shapeText(Program::typeOf(x)) + " and the indices are " +
                             shapeText(Program::typeOf(indices)) + ": they must have the same rank");
  auto moved = [&](const Tensor &tensor) { return exchange({tensor, x.site}, front); };
  Tensor update = updates ? moved(updates->tensor) : Tensor();
  return moved(lookUp({moved(x), x.site}, {moved(indices)}, last, last, updates ? &update : nullptr, how));
}

Tensor gather_elements(Located x, Located indices, int64_t axis) {
  return byElements("gather_elements", x, indices, axis);
}

Tensor scatter_elements(Located x, Located indices, Located updates, int64_t axis, Scatter how) {
  return byElements("scatter_elements", x, indices, axis, &updates, how);
}

//===-- By coordinates --------------------------------------------------------------------------------------------===//

/// The coordinates that the last dimension holds, one by one.
static std::vector<Tensor> coordinatesOf(const char *name, const Located &x, const Tensor &indices, int64_t batch) {
  std::vector<Tensor> result;
  Located located{indices, x.site};
  int64_t count = dsl::constantSize(name, located, frontAxis(name, located, -1));
  int64_t rank = Program::typeOf(x).getRank();
  if (count > rank - batch)
    Program::of(x).fail(x.site, Twine(name) + ": the indices " + shapeText(Program::typeOf(indices)) + " hold " +
                                    Twine(count) + " coordinates for the " + Twine(rank - batch) + " dimensions of " +
                                    shapeText(Program::typeOf(x)) + " after " + Twine(batch) +
                                    " of the batch: give no more");
  for (int64_t d = 0; d < count; ++d) result.push_back(pick(located, -1, d));
  return result;
}

Tensor gather_nd(Located x, Located indices, int64_t batch) {
  programOf(x, indices);
  return lookUp(x, coordinatesOf("gather_nd", x, indices, batch), batch, batch);
}

Tensor scatter_nd(Located x, Located indices, Located updates, int64_t batch, Scatter how) {
  programOf(x, indices, &updates.tensor);
  return lookUp(x, coordinatesOf("scatter_nd", x, indices, batch), batch, batch, &updates.tensor, how);
}

Tensor one_hot(Located indices, int64_t classes) {
  Program &program = Program::of(indices);
  SmallVector<AffineExpr> sizes = program.shapes.of(Program::typeOf(indices));
  sizes.push_back(program.shapes.constant(classes));
  RankedTensorType type = program.type(indices.site, "one_hot", sizes, program.element(program.dtype));
  return program.tensor(program.makeAs<OneHotOp>(indices.site, type, valueOf(indices)));
}

} // namespace fovea
