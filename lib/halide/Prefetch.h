// Lowering passes: what products and rows read next, or store, is fetched while they compute. Of what they read next,
// some lines at each turn of the innermost loop: a burst of many would wait for itself. Halide's own directive fetches
// what a later turn of some loop reads, all of it, and past the second cache (prefetchnta).
#pragma once

#include <Halide.h>

#include <map>
#include <set>

namespace fovea {

/// What lowering calls the loop over this variable in a Func's definition, or in its first update.
inline std::string loopName(const Halide::Func &func, bool inUpdate, const std::string &variable) {
  return func.name() + (inUpdate ? ".s1." : ".s0.") + variable;
}

/// Of a buffer: the element that some access begins at.
struct Line {
  std::string buffer;
  int bytes; // of an element
  Halide::Expr element;
  bool stored;
};

/// The next panel, while the tiles of one are computed: each tile, of those in a loop around the product's, fetches its
/// share of the lines.
class PrefetchNext : public Halide::Internal::IRMutator {
public:
  /// The names of the loops over the terms and over the tiles, and how many tiles there are.
  struct Product {
    std::string terms, tile;
    int tiles;
  };
  explicit PrefetchNext(Product product) : product(std::move(product)) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  Product product;
  bool inTile = false;
};

/// What the next part of a sum copies, while the tiles of one are computed, panel by panel.
class PrefetchCopied : public Halide::Internal::IRMutator {
public:
  /// The names of the loops over parts, panels, tiles and terms; how many panels and tiles there are, and terms at a
  /// turn; and the copies: Funcs with the terms as `deep`, one of which the innermost loop copies at a time.
  struct Product {
    std::string part, panel, tile, terms;
    int panels, tiles, termsAtTurn;
    std::vector<std::string> copies;
  };
  explicit PrefetchCopied(Product product) : product(std::move(product)) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  Product product;
  std::vector<Line> lines;      // that copies read for a term of the next part
  std::set<std::string> around; // the loops
};

/// Before a tile is computed: the lines where its result goes and those of what is computed with it, where all results
/// of a kernel together are not near. A store waits for its line as well, and for those before it.
class PrefetchResult : public Halide::Internal::IRMutator {
public:
  /// Of the loop over tiles, the name; how many bytes one whole result takes.
  PrefetchResult(std::string tile, Halide::Expr bytes) : tile(std::move(tile)), bytes(std::move(bytes)) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  std::string tile;
  Halide::Expr bytes;
};

/// While a row is computed: what rows some way after it read and store, vector by vector, where all of a kernel's
/// together are not near. What is stored is fetched to be written, or not at all: another processor may have it, and
/// what was fetched to be read costs another turn.
class PrefetchRows : public Halide::Internal::IRMutator {
public:
  /// Of the loop over rows, or over the vectors of one, how the name begins and ends; how many elements a result has;
  /// whether the target can fetch to write.
  PrefetchRows(std::string func, std::string row, Halide::Expr elements, bool toWrite)
      : func(std::move(func)), row(std::move(row)), elements(std::move(elements)), toWrite(toWrite) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  void find(const Halide::Internal::For *rows);
  std::string func, row;
  Halide::Expr elements;
  bool toWrite;
  std::map<const Halide::Internal::For *, std::vector<Halide::Internal::Stmt>> fetches; // at each turn of a loop
};

/// While a head is computed: what the next one reads, which may be the first of the next item.
class PrefetchHead : public Halide::Internal::IRMutator {
public:
  /// Of the loop over heads, which lies in that over items, how the name begins and ends.
  PrefetchHead(std::string func, std::string head) : func(std::move(func)), head(std::move(head)) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::For *loop) override;

private:
  std::string func, head;
  const Halide::Internal::For *items = nullptr; // the loop around
};

} // namespace fovea
