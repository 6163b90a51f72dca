// Renames in lowered code: everything that becomes a symbol, a section or metadata of the object.
#include "lib/halide/Names.h"

#include <algorithm>
#include <map>

using namespace Halide;
using namespace Halide::Internal;

namespace fovea {

namespace {

class Rename : public IRMutator {
public:
  explicit Rename(const Names &names) : names(names) {}

  /// In one pass: what one name becomes may be what another was.
  std::string operator()(const std::string &text) const {
    std::string result;
    for (size_t at = 0; at < text.size();) {
      auto found = std::find_if(names.begin(), names.end(), [&](const auto &name) {
        size_t end = at + name.first.size();
        return text.compare(at, name.first.size(), name.first) == 0 && !(end < text.size() && std::isdigit(text[end]));
      });
      if (found == names.end())
        result += text[at++];
      else
        result += found->second, at += found->first.size();
    }
    return result;
  }

  using IRMutator::mutate;

private:
  using IRMutator::visit;
  std::vector<Expr> mutateAll(const std::vector<Expr> &values) {
    std::vector<Expr> result;
    for (const Expr &value : values) result.push_back(mutate(value));
    return result;
  }
  Expr visit(const StringImm *op) override { return StringImm::make((*this)(op->value)); }
  Expr visit(const Variable *op) override {
    return Variable::make(op->type, (*this)(op->name), op->image, op->param, op->reduction_domain);
  }
  Expr visit(const Load *op) override {
    return Load::make(op->type, (*this)(op->name), mutate(op->index), op->image, op->param, mutate(op->predicate),
                      op->alignment);
  }
  Expr visit(const Call *op) override {
    return Call::make(op->type, (*this)(op->name), mutateAll(op->args), op->call_type, op->func, op->value_index,
                      op->image, op->param);
  }
  Expr visit(const Let *op) override { return Let::make((*this)(op->name), mutate(op->value), mutate(op->body)); }
  Stmt visit(const LetStmt *op) override {
    return LetStmt::make((*this)(op->name), mutate(op->value), mutate(op->body));
  }
  Stmt visit(const Store *op) override {
    return Store::make((*this)(op->name), mutate(op->value), mutate(op->index), op->param, mutate(op->predicate),
                       op->alignment);
  }
  Stmt visit(const For *op) override {
    return For::make((*this)(op->name), mutate(op->min), mutate(op->extent), op->for_type, op->partition_policy,
                     op->device_api, mutate(op->body));
  }
  Stmt visit(const Allocate *op) override {
    return Allocate::make((*this)(op->name), op->type, op->memory_type, mutateAll(op->extents), mutate(op->condition),
                          mutate(op->body), op->new_expr.defined() ? mutate(op->new_expr) : Expr(), op->free_function,
                          op->padding);
  }
  Stmt visit(const Free *op) override { return Free::make((*this)(op->name)); }
  Stmt visit(const ProducerConsumer *op) override {
    return ProducerConsumer::make((*this)(op->name), op->is_producer, mutate(op->body));
  }

  const Names &names;
};

/// As it stands in a symbol, where Halide spells out the mark before its number: in two ways, the second in symbols
/// that got a number of their own.
std::string spelledOut(std::string name, const std::string &mark) {
  for (size_t at; (at = name.find('$')) != std::string::npos;) name.replace(at, 1, mark);
  return name;
}

/// Without the number at its end.
std::string withoutNumber(const std::string &name) {
  size_t last = name.find_last_not_of("0123456789");
  if (last + 1 == name.size()) return name;
  if (name[last] == '$') return name.substr(0, last);
  return last > 0 && name.compare(last - 1, 2, "__") == 0 ? name.substr(0, last - 1) : name;
}

} // namespace

/// The longest first, since a name may begin with another.
static void sortByLength(Names &names) {
  std::stable_sort(names.begin(), names.end(),
                   [](const auto &a, const auto &b) { return a.first.size() > b.first.size(); });
}

std::string restoreNames(const std::string &text, Names names) {
  sortByLength(names);
  return Rename(names)(text);
}

void restoreNames(Module &module, Names names) {
  std::map<std::string, int> taken;
  Names changed;
  auto change = [&](const std::string &given, std::string wanted) {
    if (int count = taken[wanted]++) wanted += "_" + std::to_string(count + 1);
    if (given == wanted) return;
    changed.push_back({given, wanted});
    for (const char *mark : {"__", "_"})
      if (std::string symbol = spelledOut(given, mark); symbol != given) changed.push_back({symbol, wanted});
  };
  for (const auto &[given, wanted] : names) change(given, wanted);
  // The bodies of parallel loops.
  for (const LoweredFunc &function : module.functions()) {
    if (function.linkage != LinkageType::Internal) continue;
    change(function.name, withoutNumber(Rename(changed)(function.name)));
  }
  sortByLength(changed);
  if (changed.empty()) return;
  Rename rename(changed);
  for (LoweredFunc &function : module.functions()) {
    if (function.linkage == LinkageType::Internal) function.name = rename(function.name);
    for (LoweredArgument &argument : function.args) argument.name = rename(argument.name);
    function.body = rename.mutate(function.body);
  }
}

} // namespace fovea
