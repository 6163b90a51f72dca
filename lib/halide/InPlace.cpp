// Values before stores.
#include "lib/halide/InPlace.h"

using namespace Halide::Internal;

namespace fovea {

static void flatten(const Stmt &statement, std::vector<Stmt> &list) {
  if (auto block = statement.as<Block>()) {
    flatten(block->first, list);
    flatten(block->rest, list);
  } else {
    list.push_back(statement);
  }
}

bool ValuesBeforeStores::isOutput(const Stmt &statement) const {
  auto store = statement.as<Store>();
  return store && (store->name == output || store->name.compare(0, output.size() + 1, output + ".") == 0);
}

Stmt ValuesBeforeStores::visit(const Block *block) {
  std::vector<Stmt> list;
  flatten(block, list);
  std::vector<Stmt> result;
  for (size_t i = 0; i < list.size();) {
    size_t end = i;
    while (end < list.size() && isOutput(list[end])) ++end;
    if (end - i < 2) {
      result.push_back(mutate(list[i++]));
      continue;
    }
    std::vector<Stmt> stores;
    std::vector<std::pair<std::string, Halide::Expr>> values;
    for (; i < end; ++i) {
      auto store = list[i].as<Store>();
      std::string name = "stored_value_" + std::to_string(count++);
      values.push_back({name, store->value});
      stores.push_back(Store::make(store->name, Variable::make(store->value.type(), name), store->index, store->param, store->predicate,
                                   store->alignment));
    }
    Stmt body = Block::make(stores);
    for (auto value = values.rbegin(); value != values.rend(); ++value) body = LetStmt::make(value->first, value->second, body);
    result.push_back(body);
  }
  return Block::make(result);
}

} // namespace fovea
