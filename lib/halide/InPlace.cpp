// Values before stores, and stores beside others.
#include "lib/halide/InPlace.h"

using namespace Halide::Internal;

namespace fovea {

bool ValuesBeforeStores::isOutput(const Stmt &statement) const {
  auto store = statement.as<Store>();
  return store && (store->name == output || store->name.compare(0, output.size() + 1, output + ".") == 0);
}

bool ValuesBeforeStores::onlyStores(const Stmt &statement) const {
  if (auto block = statement.as<Block>()) return onlyStores(block->first) && onlyStores(block->rest);
  if (auto let = statement.as<LetStmt>()) return onlyStores(let->body);
  return isOutput(statement) || statement.as<Free>();
}

void ValuesBeforeStores::flatten(const Stmt &statement, std::vector<Item> &list) const {
  if (auto block = statement.as<Block>()) {
    flatten(block->first, list);
    flatten(block->rest, list);
  } else if (auto let = statement.as<LetStmt>(); let && onlyStores(let->body)) {
    list.push_back({Stmt(), let->name, let->value});
    flatten(let->body, list);
  } else {
    list.push_back({statement, "", Halide::Expr()});
  }
}

Stmt ValuesBeforeStores::visit(const Block *block) {
  std::vector<Item> list;
  flatten(block, list);
  std::vector<Stmt> result;
  for (size_t i = 0; i < list.size();) {
    std::vector<Stmt> stores, frees;
    std::vector<std::pair<std::string, Halide::Expr>> values;
    for (; i < list.size() && (!list[i].statement.defined() || onlyStores(list[i].statement)); ++i) {
      if (!list[i].statement.defined()) {
        values.push_back({list[i].name, list[i].value});
        continue;
      }
      if (list[i].statement.as<Free>()) {
        frees.push_back(list[i].statement); // of what the values were computed from
        continue;
      }
      auto store = list[i].statement.as<Store>();
      std::string name = "stored_value_" + std::to_string(count++);
      values.push_back({name, store->value});
      stores.push_back(Store::make(store->name, Variable::make(store->value.type(), name), store->index, store->param,
                                   store->predicate, store->alignment));
    }
    if (stores.empty() && frees.empty()) {
      result.push_back(mutate(list[i++].statement));
      continue;
    }
    if (!stores.empty()) {
      Stmt body = Block::make(stores);
      for (auto value = values.rbegin(); value != values.rend(); ++value)
        body = LetStmt::make(value->first, value->second, body);
      result.push_back(body);
    }
    result.insert(result.end(), frees.begin(), frees.end());
  }
  return Block::make(result);
}

static const std::string besidePrefix = "store_beside ";

Halide::Expr StoreBeside::mark(const Halide::Expr &value, const Halide::Expr &element, const std::string &result,
                               const Halide::Expr &index, const Halide::Expr &condition) {
  return Call::make(value.type(), besidePrefix + result, {value, element, index, condition}, Call::PureExtern);
}

static const std::string afterName = "computed_after";

Halide::Expr StoreBeside::after(const Halide::Expr &value, const Halide::Expr &other) {
  return Call::make(value.type(), afterName, {value, other}, Call::PureExtern);
}

Halide::Expr StoreBeside::visit(const Call *call) {
  return call->name == afterName ? mutate(call->args[0]) : IRMutator::visit(call);
}

namespace {
/// Takes the mark out of an expression.
class TakeMark : public IRMutator {
public:
  std::string result; // empty where there is no mark
  Halide::Expr element, index, condition;

private:
  using IRMutator::visit;
  Halide::Expr visit(const Let *let) override {
    lets.push_back(let);
    Halide::Expr mutated = IRMutator::visit(let);
    lets.pop_back();
    return mutated;
  }
  Halide::Expr visit(const Call *call) override {
    if (call->name.compare(0, besidePrefix.size(), besidePrefix)) return IRMutator::visit(call);
    result = call->name.substr(besidePrefix.size());
    element = withLets(call->args[1]);
    index = withLets(call->args[2]);
    condition = withLets(call->args[3]);
    return call->args[0];
  }
  /// With the names that are defined around the mark.
  Halide::Expr withLets(Halide::Expr value) const {
    for (auto let = lets.rbegin(); let != lets.rend(); ++let) value = Let::make((*let)->name, (*let)->value, value);
    return value;
  }

  std::vector<const Let *> lets;
};
} // namespace

Stmt StoreBeside::visit(const Store *store) {
  TakeMark take;
  Halide::Expr value = take.mutate(mutate(store->value));
  if (take.result.empty()) return IRMutator::visit(store);
  Stmt own = Store::make(store->name, value, store->index, store->param, store->predicate, store->alignment);
  Stmt beside =
      Store::make(take.result, take.element, take.index, Halide::Parameter(), store->predicate, ModulusRemainder());
  if (!is_const_one(take.condition)) beside = IfThenElse::make(take.condition, beside);
  if (onDevice) return Block::make(beside, own);
  Halide::Expr buffer = Variable::make(Halide::type_of<halide_buffer_t *>(), take.result + ".buffer");
  Halide::Expr host = Call::make(Halide::type_of<void *>(), Call::buffer_get_host, {buffer}, Call::Extern);
  return Block::make(LetStmt::make(take.result, host, beside), own);
}

} // namespace fovea
