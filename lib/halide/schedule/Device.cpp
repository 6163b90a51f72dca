// Blocks and threads.
#include "lib/halide/schedule/Device.h"

using Halide::Expr;
using Halide::Stage;
using Halide::TailStrategy;
using Halide::Var;
using Halide::VarOrRVar;

namespace fovea {

constexpr auto guard = TailStrategy::GuardWithIf;
constexpr int blockThreads = 256;

Var fuseAll(Stage &stage, const std::vector<Var> &loops) {
  Var result = loops[0];
  for (size_t i = 1; i < loops.size(); ++i) {
    Var fused("device_loops" + std::to_string(i));
    stage.fuse(result, loops[i], fused);
    result = fused;
  }
  return result;
}

Var elementPerThread(Stage stage, int wide, bool byOne) {
  std::vector<VarOrRVar> order;
  std::vector<Var> elements;
  for (const Halide::Internal::Dim &dim : stage.get_schedule().dims())
    if (dim.is_rvar())
      order.push_back(VarOrRVar(dim.var, true));
    else if (dim.var != Var::outermost().name())
      elements.push_back(Var(dim.var.substr(dim.var.rfind('.') + 1)));
  Var lane("device_lane"), block("device_block"), thread("device_thread"), all = Var::outermost();
  if (elements.empty()) { // one thread
    stage.split(all, all, thread, 1).split(all, all, block, 1).gpu_blocks(block).gpu_threads(thread);
    return thread;
  }
  order.insert(order.end(), elements.begin(), elements.end());
  if (order.size() > 1) stage.reorder(order);
  if (wide > 1) stage.split(elements[0], elements[0], lane, wide, guard);
  if (wide > 1) byOne ? stage.unroll(lane) : stage.vectorize(lane);
  Var flat = fuseAll(stage, elements);
  stage.split(flat, block, thread, blockThreads, guard).gpu_blocks(block).gpu_threads(thread);
  return thread;
}

/// Whether updates are of the element itself, which they name.
static bool updatesItself(const Halide::Func &func) {
  for (int update = 0; update < func.num_update_definitions(); ++update)
    for (auto [index, argument] : llvm::enumerate(func.update_args(update))) {
      auto variable = argument.as<Halide::Internal::Variable>();
      if (!variable || variable->name != func.args()[index].name()) return false;
    }
  return true;
}

void computeOnDevice(Halide::Func func) {
  if (func.num_update_definitions() && updatesItself(func)) { // all stages by the thread that has the element
    Halide::Func whole = func.in().compute_root();
    // Bounds are those of the whole; a thread would compute all that they hold.
    std::vector<Halide::Internal::Bound> &bounds = func.function().schedule().bounds();
    for (const Halide::Internal::Bound &each : bounds) whole.bound(Var(each.var), each.min, each.extent);
    bounds.clear();
    func.compute_at(whole, elementPerThread(whole));
    return;
  }
  func.compute_root();
  elementPerThread(func);
  for (int update = 0; update < func.num_update_definitions(); ++update) elementPerThread(func.update(update));
}

Var rowPerThread(Stage stage, const std::vector<Var> &vars) {
  constexpr int rowThreads = 64;
  Var block("device_block"), thread("device_thread");
  Var row = fuseAll(stage, std::vector<Var>(vars.rbegin() + 1, vars.rend()));
  stage.split(row, block, thread, rowThreads, guard).gpu_blocks(block).gpu_threads(thread);
  return thread;
}

bool sharesByLanes(KernelLowering &kernel) { return kernel.onDevice() && kernel.schedule().getLoops() == "Rl"; }

Var blockPerRows(KernelLowering &kernel, Stage stage, const std::vector<Var> &vars, int threads) {
  Var column = vars.back(), lane("device_lane"), each("device_row"), row = vars[vars.size() - 2];
  int rows = (int)kernel.schedule().getRows();
  stage.split(column, column, lane, threads, guard).split(row, row, each, rows, guard);
  stage.reorder(column, lane, each, row);
  std::vector<Var> blocks(vars.rbegin() + 1, vars.rend());
  Var block = fuseAll(stage, blocks);
  stage.gpu_blocks(block);
  if (!sharesByLanes(kernel)) return stage.gpu_threads(lane, each), block;
  stage.unroll(column).gpu_threads(each).gpu_lanes(lane);
  return each;
}

Var blockPerElements(KernelLowering &kernel, Stage stage, const std::vector<Var> &vars) {
  Var row = vars.back(), each("device_row");
  stage.split(row, row, each, (int)kernel.schedule().getRows(), guard);
  Var block = fuseAll(stage, std::vector<Var>(vars.rbegin(), vars.rend()));
  stage.gpu_blocks(block).gpu_threads(each);
  return sharesByLanes(kernel) ? each : block;
}

//===-- Tiles -----------------------------------------------------------------------------------------------------===//

std::vector<Var> ThreadTile::vars(const std::vector<Var> &rest) const {
  std::vector<Var> result{j, i, acrossVar, downVar};
  result.insert(result.end(), rest.begin(), rest.end());
  return result;
}

Expr ThreadTile::column() const { return j / vector * (across * vector) + acrossVar * vector + j % vector; }

std::vector<Expr> ThreadTile::at(const Expr &row, const Expr &column, Coordinates rest) const {
  Expr group = column / vector;
  std::vector<Expr> result{group / across * vector + column % vector, row % rowsOfThread(), group % across,
                           row / rowsOfThread()};
  result.insert(result.end(), rest.begin(), rest.end());
  return result;
}

void ThreadTile::share(Stage stage, const Var &row, const Var &column) const {
  Var group("tile_group"), lane("tile_lane"), rest("tile_rest"), own("tile_row");
  stage.split(column, group, rest, across * vector).split(rest, acrossVar, lane, vector);
  stage.split(row, downVar, own, rowsOfThread()).reorder({lane, group, own, acrossVar, downVar});
  stage.unroll(lane).unroll(group).unroll(own).gpu_threads(acrossVar, downVar);
}

void ThreadTile::keep(Halide::Func tile, const Halide::LoopLevel &level, const std::vector<Var> &ones) const {
  tile.store_in(Halide::MemoryType::Register).compute_at(level);
  tile.bound(j, 0, columnsOfThread()).bound(i, 0, rowsOfThread()).bound(acrossVar, 0, across).bound(downVar, 0, down);
  // The threads' dimensions are the outermost of what is stored.
  std::vector<Var> storage{j, i};
  for (const Var &one : ones) {
    tile.bound_extent(one, 1);
    storage.push_back(one);
  }
  storage.push_back(acrossVar);
  storage.push_back(downVar);
  tile.reorder_storage(storage);
  tile.unroll(j).unroll(i).gpu_threads(acrossVar, downVar);
}

void ThreadTile::sum(Stage update, const std::vector<Halide::RVar> &terms,
                     const std::vector<Halide::RVar> &steps) const {
  std::vector<VarOrRVar> order{j, i};
  order.insert(order.end(), terms.begin(), terms.end());
  order.push_back(acrossVar);
  order.push_back(downVar);
  order.insert(order.end(), steps.begin(), steps.end());
  update.reorder(order);
  // Not as vectors: LLVM joins the loads of neighbours, and cannot select elements of pairs for CUDA.
  update.unroll(j).unroll(i).gpu_threads(acrossVar, downVar);
}

void ThreadTile::copy(Halide::Func operand, const Halide::LoopLevel &level, int extent, int count, bool turned) const {
  std::vector<Var> args = operand.args();
  Var first = args[0], second = args[1], element("copy_element"), step("copy_step"), thread("copy_thread");
  operand.compute_at(level).store_in(Halide::MemoryType::GPUShared);
  operand.bound_extent(first, extent).bound_extent(second, count);
  for (size_t d = 2; d < args.size(); ++d) operand.bound_extent(args[d], 1);
  if (turned) {
    // Rows apart from each other lie in different banks.
    operand.align_storage(first, extent + 4).reorder(second, first).fuse(second, first, element);
  } else {
    operand.fuse(first, second, element);
  }
  operand.split(element, step, thread, across * down, guard).split(thread, downVar, acrossVar, across);
  operand.reorder(step, acrossVar, downVar).unroll(step).gpu_threads(acrossVar, downVar);
}

//===-- Registers -------------------------------------------------------------------------------------------------===//

namespace {
using namespace Halide::Internal;

bool isThread(const For *loop) { return loop->for_type == ForType::GPUThread; }

/// Accesses to one allocation as the first thread makes them.
class AsFirstThread : public IRMutator {
public:
  explicit AsFirstThread(std::string name) : name(std::move(name)) {}

  std::optional<int64_t> last = 0; // the largest index; nothing where it has no constant bound

private:
  using IRMutator::visit;
  Expr ofFirst(Expr index) {
    for (auto let = lets.rbegin(); let != lets.rend(); ++let) index = substitute(let->first, let->second, index);
    for (const std::string &thread : threads) index = substitute(thread, 0, index);
    index = simplify(index);
    Interval range = bounds_of_expr_in_scope(index, loops);
    std::optional<int64_t> most = range.has_upper_bound() ? constantOf(range.max) : std::nullopt;
    last = last && most ? std::optional(std::max(*last, *most)) : std::nullopt;
    return index;
  }
  Stmt visit(const For *loop) override {
    if (isThread(loop)) threads.insert(loop->name);
    ScopedBinding<Interval> binding(loops, loop->name, Interval(loop->min, simplify(loop->min + loop->extent - 1)));
    return IRMutator::visit(loop);
  }
  Stmt visit(const LetStmt *let) override {
    lets.emplace_back(let->name, let->value);
    Stmt result = IRMutator::visit(let);
    lets.pop_back();
    return result;
  }
  Expr visit(const Let *let) override {
    lets.emplace_back(let->name, let->value);
    Expr result = IRMutator::visit(let);
    lets.pop_back();
    return result;
  }
  Expr visit(const Load *load) override {
    if (load->name != name) return IRMutator::visit(load);
    return Load::make(load->type, load->name, ofFirst(load->index), load->image, load->param, mutate(load->predicate),
                      load->alignment);
  }
  Stmt visit(const Store *store) override {
    if (store->name != name) return IRMutator::visit(store);
    return Store::make(store->name, mutate(store->value), ofFirst(store->index), store->param, mutate(store->predicate),
                       store->alignment);
  }

  std::string name;
  std::set<std::string> threads;
  std::vector<std::pair<std::string, Expr>> lets; // around
  Scope<Interval> loops;
};
} // namespace

Stmt ThreadsOwnRegisters::visit(const Allocate *allocate) {
  if (allocate->memory_type != Halide::MemoryType::Register) return IRMutator::visit(allocate);
  AsFirstThread own(allocate->name);
  Stmt body = own.mutate(allocate->body);
  if (!own.last) throw Halide::CompileError("a thread's part of a tile in registers has no constant size");
  return Allocate::make(allocate->name, allocate->type, allocate->memory_type, {Expr((int)*own.last + 1)},
                        allocate->condition, mutate(body));
}

} // namespace fovea
