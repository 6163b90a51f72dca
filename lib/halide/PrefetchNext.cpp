// Fetching the panel after the one that a product reads.
#include "lib/halide/PrefetchNext.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace Halide::Internal;
using Halide::Expr;

namespace fovea {

namespace {
/// The vectors of neighbouring elements that a loop's body loads from one buffer, which advance with the loop.
class PanelLoads : public IRVisitor {
public:
  explicit PanelLoads(const std::string &loop) : loop(loop) {}
  std::string buffer;
  Halide::Type type;
  std::vector<Expr> starts; // of the vectors, in elements, no two the same

private:
  using IRVisitor::visit;
  void visit(const Load *load) override {
    IRVisitor::visit(load);
    auto ramp = load->index.as<Ramp>();
    if (!ramp || !is_const_one(ramp->stride) || !expr_uses_var(ramp->base, loop)) return;
    if (buffer.empty()) buffer = load->name, type = load->type.element_of();
    bool known = llvm::any_of(starts, [&](const Expr &start) { return equal(start, ramp->base); });
    if (load->name == buffer && !known) starts.push_back(ramp->base);
  }
  const std::string &loop;
};
} // namespace

Stmt PrefetchNext::visit(const For *loop) {
  bool wasInTile = inTile;
  inTile |= loop->name == product.tile;
  Stmt result = IRMutator::visit(loop);
  inTile = wasInTile;
  if (loop->name != product.terms) return result;
  PanelLoads loads(loop->name);
  substitute_in_all_lets(loop->body).accept(&loads);
  if (loads.starts.empty()) return result;

  // What follows the last term of a panel is the next one's first.
  Expr turn = Variable::make(Halide::Int(32), loop->name);
  Expr first = substitute(loop->name, turn + loop->extent, loads.starts[0]);
  std::vector<Expr> distances; // of the lines
  for (const Expr &start : loads.starts) {
    Expr distance = simplify(start - loads.starts[0]);
    if (expr_uses_var(distance, loop->name)) return result;
    constexpr int lineBytes = 64;
    bool inLine = llvm::any_of(distances, [&, elements = lineBytes / loads.type.bytes()](const Expr &other) {
      return can_prove(abs(distance - other) < elements);
    });
    if (!inLine) distances.push_back(distance);
  }
  // More at each turn would cost what they gain: of one or two tiles, each fetches some lines only.
  constexpr int mostAtOnce = 2;
  auto tiles = inTile ? product.tiles : 1, lines = (int)distances.size();
  int count = std::min((int)llvm::divideCeil(lines, tiles), mostAtOnce), step = std::max(1, lines / (tiles * count));
  Expr tile = inTile ? Variable::make(Halide::Int(32), product.tile) : Expr(0);
  loop = result.as<For>();
  Stmt body = loop->body;
  std::vector<std::pair<std::string, Expr>> shares; // the same for all turns
  for (int k = 0; k < count; ++k) {
    Expr line = simplify(min((tile + k * tiles) * step, lines - 1));
    shares.push_back({loop->name + ".ahead" + std::to_string(k), mux(line, distances)});
    Expr at = first + Variable::make(Halide::Int(32), shares.back().first);
    Expr base = reinterpret(Halide::UInt(64), Variable::make(Halide::Handle(), loads.buffer));
    Expr address = reinterpret(Halide::Handle(), base + Halide::cast<uint64_t>(at) * loads.type.bytes());
    constexpr int reads = 0, intoSecondCache = 2, data = 1;
    Expr fetch = Call::make(Halide::Int(32), "llvm.prefetch.p0", {address, reads, intoSecondCache, data}, Call::Extern);
    body = Block::make(Evaluate::make(fetch), body);
  }
  result =
      For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy, loop->device_api, body);
  for (const auto &[name, value] : llvm::reverse(shares)) result = LetStmt::make(name, value, result);
  return result;
}

} // namespace fovea
