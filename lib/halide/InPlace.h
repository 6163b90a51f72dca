// Lowering passes about results: those in the buffer of an argument, and those stored from within another stage.
#pragma once

#include <Halide.h>

namespace fovea {

/// A lowering pass that computes the values of neighbouring stores to the output before the first of them. Halide 21
/// stores the elements of a Tuple one after another where it sees no dependence between them, and it does not look
/// inside function calls: in (f + 1, pow(b, f)) over undef the second element would read the first one's result.
class ValuesBeforeStores : public Halide::Internal::IRMutator {
public:
  explicit ValuesBeforeStores(std::string output) : output(std::move(output)) {}

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Block *block) override;

private:
  /// A statement, or a name that the statements after it use.
  struct Item {
    Halide::Internal::Stmt statement;
    std::string name;
    Halide::Expr value;
  };

  bool isOutput(const Halide::Internal::Stmt &statement) const;
  bool onlyStores(const Halide::Internal::Stmt &statement) const;
  void flatten(const Halide::Internal::Stmt &statement, std::vector<Item> &list) const;

  std::string output; // the Func; its elements are output.0, output.1, ...
  int count = 0;
};

/// A lowering pass for results that are computed inside the loops of another stage, where Halide has no outputs: the
/// stage's definition is marked with what is to be stored beside each of its elements, and where.
class StoreBeside : public Halide::Internal::IRMutator {
public:
  explicit StoreBeside(bool onDevice) : onDevice(onDevice) {}
  /// `value`; when it is stored, `element` goes to `result` at `index`, counted in elements.
  /// Where there is a condition, only there.
  static Halide::Expr mark(const Halide::Expr &value, const Halide::Expr &element, const std::string &result,
                           const Halide::Expr &index, const Halide::Expr &condition = Halide::Internal::const_true());
  /// `value`, for which `other` has been computed.
  static Halide::Expr after(const Halide::Expr &value, const Halide::Expr &other);

protected:
  using IRMutator::visit;
  Halide::Internal::Stmt visit(const Halide::Internal::Store *store) override;
  Halide::Expr visit(const Halide::Internal::Call *call) override;

private:
  bool onDevice; // kernels there get the results that they store to as arguments
};

} // namespace fovea
