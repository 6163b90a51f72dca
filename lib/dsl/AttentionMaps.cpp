// Maps of attention, and how they add up over blocks.
#include "lib/dsl/AttentionRegions.h"

#include <fovea/AttentionMaps.h>

using namespace mlir;

namespace fovea {

using namespace dsl;

namespace {
/// One map under construction: the rows asked for, and attention's own options for these.
struct MapBuilder {
  Program &program;
  Site site;
  Located query, key;
  const AttentionOptions &options;
  int64_t first = 0, count;

  MapBuilder(const Located &query, const Located &key, const AttentionOptions &options, const Rows &rows)
      : program(Program::of(query.site, {&query.tensor, &key.tensor})), site(query.site), query(query), key(key),
        options(options), first(rows.first) {
    int64_t queries = Program::typeOf(query).getRank() == 4 ? constantSize("attention map", query, 2) : 0;
    count = rows.count.value_or(queries - first);
    if (first < 0 || count < 1 || first + count > queries)
      program.fail(site, "attention map: " + Twine(count) + " rows from " + Twine(first) + " on, but there are " +
                             Twine(queries) + " queries");
  }

  /// The rows of what has one for each query, along dimension 2.
  Value rowsOf(const Tensor &tensor) {
    if (Program::typeOf(tensor).getRank() < 3 || constantSize("attention map", {tensor, site}, 2) == count)
      return valueOf(tensor);
    return valueOf(slice({tensor, site}, 2, first, count));
  }

  Tensor make(StringRef give, StringRef over, Value sum = {}, Value cotangent = {}, Value value = {}) {
    AttentionRegions regions(program, site, query, key, options, first);
    return program.tensor(regions.fill(program.make<AttentionMapOp>(
        site, rowsOf(query), valueOf(key), sum, cotangent, value, regions.lengths(), regions.captures, give, over,
        llvm::APFloat(regions.scale), regions.window.left, regions.window.right, regions.window.offset + first)));
  }
};
} // namespace

Tensor attention_scores(Located query, Located key, const AttentionOptions &options, Scores which) {
  const char *names[] = {"raw", "score", "masked"};
  return MapBuilder(query, key, options, {}).make(names[(int)which], "none");
}

static Tensor weights(const Located &query, const Located &key, const Attended &attended,
                      const AttentionOptions &options, const Rows &rows, StringRef over) {
  MapBuilder map(query, key, options, rows);
  return map.make("weight", over, map.rowsOf(attended.log_sum_exp));
}
Tensor attention_weights(Located query, Located key, const Attended &attended, const AttentionOptions &options,
                         Rows rows) {
  return weights(query, key, attended, options, rows, "none");
}
Tensor mean_attention(Located query, Located key, const Attended &attended, const AttentionOptions &options,
                      Rows rows) {
  return weights(query, key, attended, options, rows, "heads");
}
Tensor attention_entropy(Located query, Located key, const Attended &attended, const AttentionOptions &options,
                         Rows rows) {
  return weights(query, key, attended, options, rows, "entropy");
}
Tensor relevant_attention(Located query, Located key, Located value, const Attended &attended, Located cotangent,
                          const AttentionOptions &options, Rows rows) {
  MapBuilder map(query, key, options, rows);
  return map.make("weight", "heads", map.rowsOf(attended.log_sum_exp), map.rowsOf(cotangent), valueOf(value));
}

Sorted top_links(Located weights, int64_t k) { return top_k(weights, k); }

//===-- Over blocks -----------------------------------------------------------------------------------------------===//

/// The identity (tokens, tokens), which the maps must fit.
static Tensor identityFor(const std::vector<Tensor> &maps, Site site) {
  if (maps.empty()) dsl::fail({site}, "rollout: there are no maps: give those of at least one block");
  Program &program = Program::of(site, {&maps[0]});
  RankedTensorType type = Program::typeOf(maps[0]);
  bool square = type.getRank() == 3 && !type.isDynamicDim(1) && type.getDimSize(1) == type.getDimSize(2);
  for (const Tensor &map : maps) square &= Program::typeOf(map) == type;
  if (!square)
    program.fail(site, "rollout: the first map is " + shapeText(type) +
                           ": all must be one shape, (b, tokens, tokens), such as mean_attention gives");
  int64_t tokens = type.getDimSize(1);
  std::vector<double> elements(tokens * tokens);
  for (int64_t i = 0; i < tokens; ++i) elements[i * tokens + i] = 1;
  checkTable("rollout", {maps[0], site}, tokens * tokens);
  return constant(program, site, {tokens, tokens}, elements, type.getElementType());
}

Tensor rollout(const std::vector<Tensor> &maps, Site site) {
  Tensor identity = identityFor(maps, site), result;
  for (const Tensor &map : maps) {
    Tensor mixed = Operand(Operand(map, site) + Operand(identity, site), site) * Operand(0.5, site);
    result = &map == &maps.front() ? mixed : matmul({mixed, site}, {result, site});
  }
  return result;
}

Tensor relevance_rollout(const std::vector<Tensor> &maps, Site site) {
  Tensor identity = identityFor(maps, site), result;
  for (const Tensor &map : maps)
    result = &map == &maps.front() ? Operand(map, site) + Operand(identity, site)
                                   : Operand(result, site) + Operand(matmul({map, site}, {result, site}), site);
  return result;
}

} // namespace fovea
