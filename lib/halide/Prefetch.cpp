// Fetching what products and rows read next, or store.
#include "lib/halide/Prefetch.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/MathExtras.h"

using namespace Halide::Internal;
using Halide::Expr;

namespace fovea {

namespace {

/// More at each turn would cost what they gain: of one or two tiles, each fetches some lines only.
constexpr int mostAtOnce = 2;
/// Results of so many bytes are in the second cache, or near it.
constexpr int nearBytes = 1 << 20;
/// Rows are fetched so far ahead, and so much of all buffers together stays in the first cache until it is used.
constexpr int aheadBytes = 1536, mostAheadBytes = 1 << 13;

constexpr int lineBytes = 64;

bool inOneLine(const Expr &a, const Expr &b, int bytes) { return can_prove(abs(a - b) < lineBytes / bytes); }

Expr variable(const std::string &name) { return Variable::make(Halide::Int(32), name); }

Expr addressOf(const std::string &buffer, const Expr &element, int bytes) {
  return reinterpret(Halide::UInt(64), Variable::make(Halide::Handle(), buffer)) +
         Halide::cast<uint64_t>(element) * bytes;
}

enum class Into { secondCache, firstCache, firstCacheToWrite };

Stmt fetch(const Expr &address, Into into) {
  constexpr int data = 1;
  int writes = into == Into::firstCacheToWrite, locality = into == Into::secondCache ? 2 : 3;
  return Evaluate::make(Call::make(Halide::Int(32), "llvm.prefetch.p0",
                                   {reinterpret(Halide::Handle(), address), writes, locality, data}, Call::Extern));
}

Stmt withBody(const For *loop, const Stmt &body) {
  return For::make(loop->name, loop->min, loop->extent, loop->for_type, loop->partition_policy, loop->device_api, body);
}

/// Whether it is a loop of the Func over the variable, or over what that was split into last.
bool isLoopOf(const For *loop, const std::string &func, const std::string &variable) {
  llvm::StringRef name = loop->name;
  return name.starts_with(func) && name.ends_with(variable);
}

/// The loop, at each turn of which these are fetched first; with values that are the same for all turns.
Stmt fetching(const For *loop, const std::vector<Expr> &addresses,
              const std::vector<std::pair<std::string, Expr>> &values) {
  Stmt body = loop->body;
  for (const Expr &address : addresses) body = Block::make(fetch(address, Into::secondCache), body);
  Stmt result = withBody(loop, body);
  for (const auto &[name, value] : llvm::reverse(values)) result = LetStmt::make(name, value, result);
  return result;
}

/// Finds lines, whose loops are gone through one by one.
class LineVisitor : public IRVisitor {
public:
  std::vector<Line> lines;

protected:
  using IRVisitor::visit;
  template <typename Body> void visitWith(const std::string &name, const Expr &value, const Body &body) {
    values.push_back({name, value});
    body.accept(this);
    values.pop_back();
  }
  template <typename Let> void visitLet(const Let *let) {
    let->value.accept(this);
    visitWith(let->name, let->value, let->body);
  }
  void visitEach(const For *loop) {
    if (auto extent = as_const_int(loop->extent))
      for (int i = 0; i < *extent; ++i) visitWith(loop->name, loop->min + i, loop->body);
  }
  void visit(const LetStmt *let) override { visitLet(let); }
  void visit(const Let *let) override { visitLet(let); }
  void add(const std::string &buffer, const Expr &index, Halide::Type type, bool stored = false) {
    auto ramp = index.as<Ramp>();
    if (!ramp || !is_const_one(ramp->stride)) return;
    int bytes = type.element_of().bytes();
    for (int first = 0; first < ramp->lanes; first += lineBytes / bytes)
      add({buffer, bytes, ramp->base + first, stored});
  }
  void add(Line line) {
    for (const auto &[name, value] : llvm::reverse(values)) line.element = substitute(name, value, line.element);
    line.element = simplify(line.element);
    auto known = llvm::find_if(lines, [&](const Line &other) {
      return other.buffer == line.buffer && inOneLine(other.element, line.element, line.bytes);
    });
    if (known != lines.end())
      known->stored |= line.stored;
    else
      lines.push_back(line);
  }
  std::vector<std::pair<std::string, Expr>> values; // of variables, the outermost first
};

/// What a loop's body reads from one buffer, and which advances with the loop.
class PanelLines : public LineVisitor {
public:
  explicit PanelLines(const std::string &loop) : loop(loop) {}

private:
  using LineVisitor::visit;
  void visit(const Load *load) override {
    IRVisitor::visit(load);
    bool another = !lines.empty() && lines[0].buffer != load->name;
    if (!another && expr_uses_var(load->index, loop)) add(load->name, load->index, load->type);
  }
  const std::string &loop;
};

/// How much farther the element for the term after is.
Expr stepOf(const Line &line, const std::string &term) {
  return simplify(substitute(term, variable(term) + 1, line.element) - line.element);
}

/// What copies read for a term of the next part, where that is as far for each from the one before.
class CopiedLines : public LineVisitor {
public:
  CopiedLines(const std::vector<std::string> &copies, const std::string &part, const std::string &term)
      : copies(copies), term(term) {
    values.push_back({part, variable(part) + 1});
  }

private:
  using LineVisitor::visit;
  void visit(const For *loop) override {
    llvm::StringRef name = loop->name;
    auto copy = llvm::find_if(copies, [&](llvm::StringRef copy) { return name.starts_with((copy + ".s0.").str()); });
    if (copy == copies.end()) return IRVisitor::visit(loop);
    if (!name.starts_with(*copy + ".s0.deep")) return visitEach(loop);
    innermost = true;
    visitWith(loop->name, loop->min + variable(term), loop->body);
    innermost = false;
  }
  void visit(const Load *load) override {
    IRVisitor::visit(load);
    if (!innermost) return;
    add(load->name, load->index, load->type);
    if (!lines.empty() && !isStep(stepOf(lines.back(), term))) lines.pop_back();
  }
  bool isStep(const Expr &step) const { return !is_const_zero(step) && !expr_uses_var(step, term); }
  const std::vector<std::string> &copies;
  const std::string &term;
  bool innermost = false;
};

/// What is read and stored in buffers that are not allocated within.
class OutsideLines : public LineVisitor {
protected:
  using LineVisitor::visit;
  virtual void addHere(const std::string &buffer, const Expr &index, Halide::Type type, bool stored) {
    add(buffer, index, type, stored);
  }
  void visit(const Allocate *node) override {
    own.insert(node->name);
    node->body.accept(this);
  }
  void visit(const Load *load) override {
    IRVisitor::visit(load);
    if (!own.count(load->name)) addHere(load->name, load->index, load->type, false);
  }
  void visit(const Store *store) override {
    IRVisitor::visit(store);
    if (!own.count(store->name)) addHere(store->name, store->index, store->value.type(), true);
  }

private:
  std::set<std::string> own;
};

/// Those of all turns.
class AllLines : public OutsideLines {
protected:
  using OutsideLines::visit;
  void visit(const For *loop) override { visitEach(loop); }
};

/// Those but for what producers read and store.
class ResultLines : public AllLines {
  using AllLines::visit;
  void visit(const ProducerConsumer *node) override {
    if (!node->is_producer) node->body.accept(this);
  }
};

/// Those of the innermost loops in one over rows; of several loops that go through a buffer the last, which need not be
/// that over the rest of a row.
class RowLines : public OutsideLines {
public:
  explicit RowLines(const For *rows) : innermost(rows) { rows->body.accept(this); }
  const For *loopOf(const Line &line) const { return places.at(line.buffer).first; }

private:
  using OutsideLines::visit;
  void visit(const For *loop) override {
    const For *around = std::exchange(innermost, loop);
    ++depth;
    IRVisitor::visit(loop);
    --depth;
    innermost = around;
  }
  void addHere(const std::string &buffer, const Expr &index, Halide::Type type, bool stored) override {
    auto place = places.try_emplace(buffer, innermost, depth).first;
    if (depth < place->second.second) return;
    if (innermost != place->second.first)
      llvm::erase_if(lines, [&](const Line &line) { return line.buffer == buffer; });
    place->second = {innermost, depth};
    add(buffer, index, type, stored);
  }
  const For *innermost;
  int depth = 0;
  std::map<std::string, std::pair<const For *, int>> places; // of buffers: the loop, and how deep it lies
};

} // namespace

Stmt PrefetchNext::visit(const For *loop) {
  bool wasInTile = inTile;
  inTile |= loop->name == product.tile;
  Stmt result = IRMutator::visit(loop);
  inTile = wasInTile;
  if (loop->name != product.terms) return result;
  PanelLines panel(loop->name);
  substitute_in_all_lets(loop->body).accept(&panel);
  if (panel.lines.empty()) return result;

  // What follows the last term of a panel is the next one's first.
  const Line &start = panel.lines[0];
  Expr first = substitute(loop->name, variable(loop->name) + loop->extent, start.element);
  std::vector<Expr> distances;
  for (const Line &line : panel.lines) {
    distances.push_back(simplify(line.element - start.element));
    if (expr_uses_var(distances.back(), loop->name)) return result;
  }
  auto tiles = inTile ? product.tiles : 1, lines = (int)distances.size();
  int count = std::min((int)llvm::divideCeil(lines, tiles), mostAtOnce), step = std::max(1, lines / (tiles * count));
  Expr tile = inTile ? variable(product.tile) : Expr(0);
  std::vector<Expr> addresses;
  std::vector<std::pair<std::string, Expr>> shares;
  for (int k = 0; k < count; ++k) {
    Expr line = simplify(min((tile + k * tiles) * step, lines - 1));
    shares.push_back({loop->name + ".ahead" + std::to_string(k), mux(line, distances)});
    addresses.push_back(addressOf(start.buffer, first + variable(shares.back().first), start.bytes));
  }
  return fetching(result.as<For>(), addresses, shares);
}

Stmt PrefetchCopied::visit(const For *loop) {
  std::string term = product.terms + ".next";
  if (loop->name == product.part) {
    CopiedLines copied(product.copies, product.part, term);
    loop->body.accept(&copied);
    lines = copied.lines;
  }
  if (loop->name != product.terms || lines.empty()) {
    around.insert(loop->name);
    Stmt result = IRMutator::visit(loop);
    around.erase(loop->name);
    return result;
  }

  // At each turn as many terms as a turn has, of all lines; each tile of each panel fetches some.
  int terms = product.termsAtTurn, tiles = product.panels * product.tiles,
      count = std::min((int)llvm::divideCeil(lines.size() * terms, tiles), mostAtOnce);
  // Loops of one turn are gone.
  auto position = [&](const std::string &name) { return around.count(name) ? variable(name) : Expr(0); };
  Expr tile = position(product.panel) * product.tiles + position(product.tile);
  std::vector<Expr> addresses;
  std::vector<std::pair<std::string, Expr>> values;
  for (int k = 0; k < count; ++k) {
    Expr share = simplify(tile + k * tiles), of = share / terms, start, step; // in bytes
    std::vector<Expr> distances;
    const Line *first = nullptr; // of those at the same distances for each term
    for (const Line &line : lines) {
      Expr distance = first ? simplify((line.element - first->element) * line.bytes) : Expr(0);
      if (!first || first->buffer != line.buffer || expr_uses_var(distance, term)) {
        Expr here = addressOf(line.buffer, substitute(term, share % terms, line.element), line.bytes),
             next = stepOf(line, term) * terms * line.bytes, before = of < (int)distances.size();
        start = first ? select(before, start, here) : here;
        step = first ? select(before, step, next) : next;
        first = &line;
        distance = 0;
      }
      distances.push_back(distance);
    }
    std::string name = loop->name + ".copied" + std::to_string(k);
    values.push_back({name, start + Halide::cast<uint64_t>(mux(of, distances))});
    values.push_back({name + ".step", step});
    addresses.push_back(Variable::make(Halide::UInt(64), name) +
                        Halide::cast<uint64_t>(variable(loop->name) * variable(name + ".step")));
  }
  return fetching(loop, addresses, values);
}

Stmt PrefetchResult::visit(const For *loop) {
  // A loop whose ends Halide treats apart is several, of longer names.
  if (!llvm::StringRef(loop->name).starts_with(tile)) return IRMutator::visit(loop);
  ResultLines result;
  loop->body.accept(&result);
  std::set<std::string> buffers;
  std::vector<Stmt> fetches;
  for (const Line &line : result.lines) {
    if (!expr_uses_var(line.element, loop->name)) continue; // such as a bias, which the tile before had
    buffers.insert(line.buffer);
    fetches.push_back(fetch(addressOf(line.buffer, line.element, line.bytes), Into::secondCache));
  }
  Expr isFar = simplify(bytes * (int)buffers.size() > nearBytes);
  if (fetches.empty() || is_const_zero(isFar)) return loop;
  Stmt all = Block::make(fetches);
  return withBody(loop, Block::make(is_const_one(isFar) ? all : IfThenElse::make(isFar, all), loop->body));
}

void PrefetchRows::find(const For *rows) {
  RowLines found(rows);
  std::map<std::string, int> turns; // how many turns of the loop ahead, by buffer
  Expr all = make_zero(Halide::Int(64));
  int64_t ahead = 0;
  if (!toWrite) llvm::erase_if(found.lines, [](const Line &line) { return line.stored; });
  for (const Line &line : found.lines) {
    auto step = as_const_int(stepOf(line, rows->name));
    if (!step || !*step || turns.count(line.buffer)) continue;
    int64_t bytes = std::abs(*step) * line.bytes;
    turns[line.buffer] = (int)llvm::divideCeil(aheadBytes, bytes);
    ahead += turns[line.buffer] * bytes;
    all += elements * line.bytes;
  }
  if (ahead > mostAheadBytes || is_const_zero(simplify(all > nearBytes))) return;
  for (const Line &line : found.lines) {
    auto turn = turns.find(line.buffer);
    if (turn == turns.end()) continue;
    Expr later = substitute(rows->name, variable(rows->name) + turn->second, line.element);
    fetches[found.loopOf(line)].push_back(
        fetch(addressOf(line.buffer, later, line.bytes), line.stored ? Into::firstCacheToWrite : Into::firstCache));
  }
}

Stmt PrefetchRows::visit(const For *loop) {
  if (isLoopOf(loop, func, row)) find(loop);
  Stmt result = IRMutator::visit(loop);
  auto here = fetches.find(loop);
  if (here == fetches.end()) return result;
  return withBody(result.as<For>(), Block::make(Block::make(here->second), result.as<For>()->body));
}

Stmt PrefetchHead::visit(const For *loop) {
  if (!items || !isLoopOf(loop, func, head)) {
    const For *around = std::exchange(items, loop);
    Stmt result = IRMutator::visit(loop);
    items = around;
    return result;
  }
  AllLines all;
  loop->body.accept(&all);
  Expr next = variable(loop->name) + 1, item = variable(items->name) + next / loop->extent;
  std::vector<Stmt> fetches;
  for (const Line &line : all.lines) {
    if (line.stored || !expr_uses_var(line.element, loop->name)) continue;
    Expr later = substitute(items->name, item, substitute(loop->name, next % loop->extent, line.element));
    fetches.push_back(fetch(addressOf(line.buffer, later, line.bytes), Into::secondCache));
  }
  return fetches.empty() ? loop : withBody(loop, Block::make(Block::make(fetches), loop->body));
}

} // namespace fovea
