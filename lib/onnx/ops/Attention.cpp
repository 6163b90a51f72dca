// Attention and rotary embedding.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <fovea/AttentionMaps.h>
#include <fovea/ScoreFunctions.h>

#include <cmath>

namespace fovea::onnx {
namespace {

/// (b, s, heads * d) as (b, heads, s, d).
Tensor heads(Call &call, const Tensor &x, const char *name) {
  if (x.rank() == 4) return x;
  Shape shape = x.shape();
  int64_t count = call.integer(name, 0);
  if (x.rank() != 3 || count < 1)
    call.unsupported("inputs must have rank 4, or rank 3 and " + std::string(name) + "; one is " + shapeText(shape));
  int64_t width = numbersOf({shape[2]}, "the heads")[0];
  if (width % count)
    call.unsupported(std::to_string(count) + " heads do not divide a width of " + std::to_string(width));
  return transpose(reshape(x, {shape[0], shape[1], count, width / count}), {0, 2, 1, 3});
}

/// One attention node. Softcap and masks of numbers are its score function; masks of truths, and windows that depend on
/// lengths, its mask function. Softmax in f64 is attention in f64.
class AttentionNode {
public:
  explicit AttentionNode(Call &call) : call(call) {
    query = heads(call, call.tensor(0), "q_num_heads");
    key = heads(call, call.tensor(1), "kv_num_heads");
    value = heads(call, call.tensor(2), "kv_num_heads");
    if (call.has(4) != call.has(5)) call.unsupported("past_key and past_value come together");
    if (call.has(4)) {
      past = numbersOf({call.tensor(4).dim(2)}, "the past")[0];
      key = concat({call.tensor(4), key}, 2), value = concat({call.tensor(5), value}, 2);
    }
    call.give(key, 1);
    call.give(value, 2);
    numbersOf({query.dim(1), key.dim(1), value.dim(1)}, "the heads");
    queries = numbersOf({query.dim(2)}, "attention")[0], keys = numbersOf({key.dim(2)}, "attention")[0];
    left = call.integer("left_window_size", -1), right = call.integer("right_window_size", -1);
    if (call.integer("is_causal", 0)) right = right < 0 ? 0 : std::min<int64_t>(right, 0);
    int64_t precision = call.integer("softmax_precision", 0);
    dtype = query.dtype();
    if (precision && dtypeOf(static_cast<Element>(precision)) == f64 && dtype != f64)
      query = cast(query, f64), key = cast(key, f64), value = cast(value, f64);
    double width = (double)numbersOf({query.dim(3)}, "the head size")[0];
    options.scale = call.number("scale", (float)(1 / std::sqrt(width)));
  }

  void lower() {
    if (double softcap = call.number("softcap", 0); softcap > 0) options.score = scores::softcap(softcap);
    AttentionOptions capped = options; // before masks
    if (call.has(6)) options.kv_lengths = call.tensor(6);
    addWindow();
    if (call.has(3)) addMask();
    Attended attended = attend(query, key, value, options);
    Tensor result = back(attended.result);
    if (call.tensor(0).rank() == 3) {
      Shape shape = result.shape();
      result = reshape(transpose(result, {0, 2, 1, 3}), {shape[0], shape[2], shape[1] * shape[3]});
    }
    call.give(result);
    if (!call.wants(3)) return;
    int64_t mode = call.integer("qk_matmul_output_mode", 0);
    call.give(back(mode == 3   ? attention_weights(query, key, attended, options)
                   : mode == 2 ? attention_scores(query, key, options, Scores::masked)
                               : attention_scores(query, key, capped, mode ? Scores::scored : Scores::raw)),
              3);
  }

private:
  Tensor back(const Tensor &x) { return x.dtype() == dtype ? x : cast(x, dtype); }

  /// Positions are those of the last keys, or of an item's last ones where it has a length.
  void addWindow() {
    if (left < 0 && right < 0) return;
    if (!options.kv_lengths && keys - queries == past) {
      if (left >= 0) options.window_left = left;
      if (right >= 0) options.window_right = right;
      return;
    }
    options.mask = [=](Index b, Index, Index i, Index j) {
      Index position = i + (double)past;
      if (options.kv_lengths) position = position + cast(load(*options.kv_lengths, b), i32) - (double)queries;
      Scalar after = right < 0 ? Scalar() : j <= position + (double)right;
      if (left < 0) return after;
      Scalar before = position <= j + (double)left;
      return right < 0 ? before : logical_and(before, after);
    };
  }

  /// A short last dimension ends before the last keys, which are then not seen.
  void addMask() {
    Tensor mask = call.tensor(3);
    int64_t size = mask.rank() ? numbersOf({mask.dim(-1)}, "the mask")[0] : 1;
    MaskFunction inside;
    if (size > 1 && size < keys) inside = [=](Index, Index, Index, Index j) { return j < (double)size; };
    if (call.element(3) == Element::boolean)
      inside = both(inside, masks::boolean(mask));
    else
      options.score = chain(options.score, scores::additive(mask));
    options.mask = both(options.mask, inside);
  }

  Call &call;
  Tensor query, key, value;
  AttentionOptions options;
  DType dtype;
  int64_t past = 0, queries, keys, left, right;
};

void attentionOf(Call &call) { AttentionNode(call).lower(); }

/// softmax(scale q k^T) v with graphs applied to the scores and to the weights.
void flexAttention(Call &call) {
  Tensor query = call.tensor(0), key = call.tensor(1), value = call.tensor(2);
  if (query.rank() != 4 || key.rank() != 4 || value.rank() != 4) call.unsupported("inputs must have rank 4");
  double scale = call.number("scale", (float)(1 / std::sqrt((double)numbersOf({query.dim(3)}, "the head size")[0])));
  int64_t kv = numbersOf({key.dim(1)}, "the heads")[0], count = numbersOf({query.dim(1)}, "the heads")[0];
  if (count % kv) call.unsupported("the heads of key do not divide those of query");
  auto grouped = [&](const Tensor &x) {
    Shape shape = x.shape();
    return reshape(x, {shape[0], kv, shape[1] / kv, shape[2], shape[3]});
  };
  auto ungrouped = [&](const Tensor &x) {
    Shape shape = x.shape();
    return reshape(x, {shape[0], shape[1] * shape[2], shape[3], shape[4]});
  };
  auto modified = [&](const Tensor &x, const char *name) {
    const Attribute *graph = call.attribute(name, Attribute::Kind::graph);
    if (!graph) return x;
    std::vector<Tensor> results = call.inlined(*graph->graph, {x});
    if (results.size() != 1 || results[0].shape() != x.shape())
      call.unsupported(std::string(name) + " must make one tensor of its input's shape, " + shapeText(x.shape()));
    return results[0];
  };
  int64_t precision = call.integer("softmax_precision", 0);
  DType dtype = query.dtype(), type = precision ? dtypeOf(static_cast<Element>(precision)) : dtype;
  auto to = [](const Tensor &x, DType type) { return x.dtype() == type ? x : cast(x, type); };
  Tensor score = to(ungrouped(matmul(grouped(query * scale), grouped(key), {false, true})), type);
  Tensor weight = modified(softmax(modified(score, "score_mod")), "prob_mod");
  call.give(to(ungrouped(matmul(grouped(weight), grouped(to(value, type)))), dtype));
}

void rotary(Call &call) {
  Tensor x = call.tensor(0), cosine = call.tensor(1), sine = call.tensor(2);
  Shape shape = x.shape();
  Tensor each = shape.size() == 4 ? x : heads(call, x, "num_heads");
  int64_t width = numbersOf({each.dim(3)}, "the head size")[0], turned = call.integer("rotary_embedding_dim", 0);
  if (turned == 0) turned = width;
  if (turned < 2 || turned > width || turned % 2)
    call.unsupported("rotary_embedding_dim is " + std::to_string(turned) + " of a head size of " +
                     std::to_string(width));
  if (call.has(3)) cosine = embedding(cosine, call.tensor(3)), sine = embedding(sine, call.tensor(3));
  // (b, s, half) against (b, heads, s, half)
  auto perHead = [&](const Tensor &table) {
    Shape sizes = table.shape();
    if (sizes.size() != 3) call.unsupported("without position_ids the tables must have rank 3, with them rank 2");
    return reshape(table, {sizes[0], 1, sizes[1], sizes[2]});
  };
  cosine = perHead(cosine), sine = perHead(sine);
  bool interleaved = call.integer("interleaved", 0) != 0;
  int64_t half = turned / 2;
  Tensor a = interleaved ? slice(each, 3, 0, half, 2) : slice(each, 3, 0, half);
  Tensor b = interleaved ? slice(each, 3, 1, half, 2) : slice(each, 3, half, half);
  Tensor real = cosine * a - sine * b, imaginary = sine * a + cosine * b, result;
  if (interleaved) {
    Shape sizes = a.shape();
    sizes.back() = turned;
    result = reshape(stack({real, imaginary}, -1), sizes);
  } else {
    result = concat({real, imaginary}, 3);
  }
  if (turned < width) result = concat({result, slice(each, 3, turned, width - turned)}, 3);
  call.give(shape.size() == 4 ? result : reshape(transpose(result, {0, 2, 1, 3}), shape));
}

} // namespace

void addAttention(Registry &registry) {
  registry.add("Attention", {23, 24, 25}, attentionOf);
  registry.add("RotaryEmbedding", {23}, rotary);
  registry.add("FlexAttention", {1}, flexAttention, "ai.onnx.preview");
}

} // namespace fovea::onnx
