// Values before stores.
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
  return isOutput(statement);
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
    std::vector<Stmt> stores;
    std::vector<std::pair<std::string, Halide::Expr>> values;
    for (; i < list.size() && (!list[i].statement.defined() || isOutput(list[i].statement)); ++i) {
      if (!list[i].statement.defined()) {
        values.push_back({list[i].name, list[i].value});
        continue;
      }
      auto store = list[i].statement.as<Store>();
      std::string name = "stored_value_" + std::to_string(count++);
      values.push_back({name, store->value});
      stores.push_back(Store::make(store->name, Variable::make(store->value.type(), name), store->index, store->param,
                                   store->predicate, store->alignment));
    }
    if (stores.empty()) {
      result.push_back(mutate(list[i++].statement));
      continue;
    }
    Stmt body = Block::make(stores);
    for (auto value = values.rbegin(); value != values.rend(); ++value)
      body = LetStmt::make(value->first, value->second, body);
    result.push_back(body);
  }
  return Block::make(result);
}

} // namespace fovea
