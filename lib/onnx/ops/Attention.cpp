// Attention and rotary embedding.
#include "lib/dsl/Program.h"
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

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

/// One attention node: first what is common, then the dialect's op or a composition.
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
    dtype = query.dtype();
    double width = (double)numbersOf({query.dim(3)}, "the head size")[0];
    numbersOf({query.dim(1), key.dim(1), value.dim(1)}, "the heads");
    scale = call.number("scale", (float)(1 / std::sqrt(width)));
    softcap = call.number("softcap", 0);
    queries = numbersOf({query.dim(2)}, "attention")[0], keys = numbersOf({key.dim(2)}, "attention")[0];
    left = call.integer("left_window_size", -1), right = call.integer("right_window_size", -1);
    if (call.integer("is_causal", 0)) right = right < 0 ? 0 : std::min<int64_t>(right, 0);
    if (call.has(6)) lengths = call.tensor(6);
    int64_t precision = call.integer("softmax_precision", 0);
    softmaxType = precision ? dtypeOf(static_cast<Element>(precision)) : dtype;
  }

  void lower() {
    bool windowed = left >= 0 || right >= 0;
    bool composed = call.has(3) || softcap > 0 || call.wants(3) || (lengths && windowed) || softmaxType == f64;
    Tensor result = composed ? composition() : op();
    if (call.tensor(0).rank() == 3) {
      Shape shape = result.shape();
      result = reshape(transpose(result, {0, 2, 1, 3}), {shape[0], shape[2], shape[1] * shape[3]});
    }
    call.give(result);
    call.give(key, 1);
    call.give(value, 2);
  }

private:
  Tensor op() {
    auto &program = dsl::Program::of(Site::here(), {&query});
    auto of = [&](const std::optional<Tensor> &tensor) { return tensor ? dsl::Program::value(*tensor) : Value(); };
    auto made = program.make<AttentionOp>(Site::here(), of(query), of(key), of(value), of(lengths), Value(),
                                          ValueRange(), llvm::APFloat(scale), left, right, past, llvm::APFloat(0.0));
    return program.tensor(made.getResult());
  }

  /// A tensor of rank 4 with its heads as (kv heads, heads for each).
  Tensor grouped(const Tensor &x) {
    Shape shape = x.shape();
    int64_t kv = *key.dim(1).constant(), count = *shape[1].constant();
    return reshape(x, {shape[0], kv, count / kv, shape[2], shape[3]});
  }
  Tensor ungrouped(const Tensor &x) {
    Shape shape = x.shape();
    return reshape(x, {shape[0], shape[1] * shape[2], shape[3], shape[4]});
  }

  /// Which keys each query may see by causality, windows and lengths, and by a boolean mask; none: all.
  std::optional<Tensor> allowed() {
    std::optional<Tensor> result;
    auto restrict = [&](const Tensor &more) { result = result ? logical_and(*result, more) : more; };
    Tensor j = iota(call, keys, i64, 3, 4), position = iota(call, queries, i64, 2, 4) + (double)past;
    if (lengths) {
      Tensor length = cast(reshape(*lengths, {lengths->dim(0), 1, 1, 1}), i64);
      restrict(j < length);
      position = position + length - (double)queries;
    }
    if (right >= 0) restrict(j <= position + (double)right);
    if (left >= 0) restrict(position <= j + (double)left);
    if (call.has(3) && call.element(3) == Element::boolean) restrict(widened(call.tensor(3)));
    return result;
  }

  /// The mask with a short last dimension filled up: what is added sees nothing.
  Tensor widened(const Tensor &mask) {
    if (mask.rank() == 0) return mask;
    Shape shape = mask.shape();
    int64_t size = numbersOf({shape.back()}, "the mask")[0];
    if (size >= keys || size == 1) return mask;
    shape.back() = keys - size;
    bool boolean = mask.dtype() == DType::boolean;
    return concat({mask, broadcast_to(call.scalar(boolean ? 0 : -INFINITY, mask.dtype()), shape)}, -1);
  }

  Tensor composition() {
    if (*query.dim(1).constant() % *key.dim(1).constant())
      call.unsupported("the heads of key do not divide those of query");
    Tensor raw = ungrouped(matmul(grouped(query * scale), grouped(key), {false, true}));
    Tensor capped = softcap > 0 ? tanh(raw / softcap) * softcap : raw, score = capped;
    std::optional<Tensor> sees = allowed(), bias;
    if (call.has(3) && call.element(3) != Element::boolean) {
      bias = widened(call.tensor(3));
      if (bias->dtype() != dtype) bias = cast(*bias, dtype);
      score = score + *bias;
    }
    if (sees) score = where(*sees, score, -INFINITY);
    Tensor weight = weights(softmaxType == dtype ? score : cast(score, softmaxType), sees, bias);
    if (softmaxType != dtype) weight = cast(weight, dtype);
    if (call.wants(3)) {
      int64_t mode = call.integer("qk_matmul_output_mode", 0);
      call.give(mode == 0 ? raw : mode == 1 ? capped : mode == 2 ? score : weight, 3);
    }
    return ungrouped(matmul(grouped(weight), grouped(value)));
  }

  /// softmax; a row of which nothing is seen gives zeros, whatever its scores are.
  Tensor weights(const Tensor &score, const std::optional<Tensor> &sees, const std::optional<Tensor> &bias) {
    if (!sees && !bias) return softmax(score);
    Tensor open = bias ? cast(-INFINITY < *bias, f32) : call.scalar(1, f32);
    if (sees) open = where(*sees, open, 0);
    Tensor most = max(score, -1, true);
    Tensor e = exp(score - where(-INFINITY < most, most, where(most < INFINITY, 0, most)));
    Tensor total = sum(e, -1, true), alive = 0.0 < max(open, -1, true);
    return where(alive, e / where(equal(total, 0), 1, total), 0);
  }

  Call &call;
  Tensor query, key, value;
  std::optional<Tensor> lengths;
  DType dtype, softmaxType;
  double scale, softcap;
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
