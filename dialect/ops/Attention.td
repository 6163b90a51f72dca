// Scaled dot-product attention and its gradient; score functions are in Score.td.
include "dialect/Attributes.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

defvar AttentionWindow = [{
    Query i stands at position i + offset and sees the keys from position - window_left to position + window_right; a
    negative window is unbounded. Causal attention is window_right = 0 with offset = keys - queries.}];

defvar AttentionFunctions = [{
    Regions see scalars: `score` takes (score, b, h, i, j, captures..) and yields a score, `mask` takes (b, h, i, j, captures..)
    and yields whether query i sees key j. Scores are f64 where the query is, else f32; b, h, i and j are i32 (c6). The
    regions hold point ops on tensors of rank 0, none of f16 or bf16, and read the captures with score_load (c7).}];

def Fovea_AttentionOp : Fovea_InferredOp<"attention", [Fovea_Anchor, AttrSizedOperandSegments, IsolatedFromAbove,
                                                       DeclareOpInterfaceMethods<Fovea_Differentiable>]> {
  let summary = "softmax(scale * q k^T, over the keys in sight) v (Vaswani et al. 2017)";
  let description = [{
    q is (b, heads, queries, d), k (b, kv_heads, keys, d), v (b, kv_heads, keys, d_v); all have rank 4 and one element type
    (c1), the sizes of k and v agree with each other and with q (c2), and kv_heads divides heads: query head h reads
    key head h / (heads / kv_heads) (c3). }] # AttentionWindow # [{ `kv_lengths` (b) hides the keys from its length on, whatever lies there (c4); a NaN that only the window hides may spread.
    In training, a
    `random_key` of two i32 makes weights drop out with probability `dropout`, which is below 1 (c5). }] # AttentionFunctions # [{
    Results are (b, heads, queries, d_v) and log_sum_exp (b, heads, queries). A query that sees no key gives zeros and -inf.
  }];
  let arguments = (ins Fovea_FloatTensor:$query, Fovea_FloatTensor:$key, Fovea_FloatTensor:$value,
                       Optional<Fovea_IntegerTensor>:$kv_lengths, Optional<Fovea_IntegerTensor>:$random_key,
                       Variadic<Fovea_Tensor>:$captures,
                       F64Attr:$scale, DefaultValuedAttr<I64Attr, "-1">:$window_left,
                       DefaultValuedAttr<I64Attr, "-1">:$window_right, DefaultValuedAttr<I64Attr, "0">:$offset,
                       DefaultValuedAttr<F64Attr, "0.0">:$dropout);
  let regions = (region AnyRegion:$score, AnyRegion:$mask);
  let results = (outs Fovea_FloatTensor:$result, Fovea_FloatTensor:$log_sum_exp);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`lengths` $kv_lengths^)? (`random` $random_key^)? (`captures` $captures^)? attr-dict-with-keyword
    (`score` $score^)? (`mask` $mask^)? `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Fovea_AttentionGradOp : Fovea_Op<"attention_grad", [Pure, Fovea_Anchor, AttrSizedOperandSegments, IsolatedFromAbove,
                                                        Fovea_NoGradientRule]> {
  let summary = "the cotangents of attention's query, key, value and captures, recomputed from log_sum_exp";
  let description = [{
    With p = exp(scale * q k^T - log_sum_exp) over the keys in sight and dp = cotangent v^T: ds = p (dp - delta),
    dq = scale ds k, dk = scale ds^T q, dv = p^T cotangent. `delta` (b, heads, queries) is the sum over d_v of cotangent times
    result, less log_sum_exp's own cotangent (FlashAttention-2, Dao 2023, section 2.3). Types are as attention's (c1). }]
    # AttentionWindow # AttentionFunctions # [{
    Beside a `score` region stands its `gradient` region: it takes (score, d_score, b, h, i, j, captures..), where score is
    scale * q k^T and d_score the cotangent of what `score` yields, and yields the cotangent of score. It gives captures
    theirs with score_add. Each capture that it adds to has a result: (b, heads, ..) with the dimensions of the capture
    that are not indexed by b or h alone, the sums over the queries and keys of each head (c8).}];
  let arguments = (ins Fovea_FloatTensor:$query, Fovea_FloatTensor:$key, Fovea_FloatTensor:$value,
                       Fovea_FloatTensor:$cotangent, Fovea_FloatTensor:$log_sum_exp, Fovea_FloatTensor:$delta,
                       Optional<Fovea_IntegerTensor>:$kv_lengths, Optional<Fovea_IntegerTensor>:$random_key,
                       Variadic<Fovea_Tensor>:$captures,
                       F64Attr:$scale, DefaultValuedAttr<I64Attr, "-1">:$window_left,
                       DefaultValuedAttr<I64Attr, "-1">:$window_right, DefaultValuedAttr<I64Attr, "0">:$offset,
                       DefaultValuedAttr<F64Attr, "0.0">:$dropout);
  let regions = (region AnyRegion:$score, AnyRegion:$mask, AnyRegion:$gradient);
  let results = (outs Fovea_FloatTensor:$d_query, Fovea_FloatTensor:$d_key, Fovea_FloatTensor:$d_value,
                      Variadic<Fovea_FloatTensor>:$d_captures);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $cotangent `,` $log_sum_exp `,` $delta (`lengths` $kv_lengths^)? (`random` $random_key^)?
    (`captures` $captures^)? attr-dict-with-keyword (`score` $score^)? (`mask` $mask^)? (`gradient` $gradient^)?
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Fovea_AttentionMapOp : Fovea_InferredOp<"attention_map", [Fovea_Anchor, AttrSizedOperandSegments, IsolatedFromAbove,
                                                              Fovea_NoGradientRule]> {
  let summary = "what attention sees: its scores or weights, or what is left of them when heads or keys are summed up";
  let description = [{
    Query, key, regions, lengths and window are attention's (c1, c2, c3, c4, c6, c7). `give` is `raw` (scale * q k^T), `score` (after
    the score function), `masked` (and -inf where a query does not see a key) or `weight`, which needs attention's
    log_sum_exp (c9). `over` is `none`, for (b, heads, queries, keys), `heads`, for their mean (b, queries, keys), or
    `entropy`: of the weights of each row, in nats (b, heads, queries) (c10). With `cotangent` and `value` of attention,
    weights are multiplied by their own cotangents, cotangent v^T, and negative products are dropped
    (Chefer et al. 2021, "Transformer Interpretability Beyond Attention Visualization", section 3.2) (c11). }] # AttentionWindow;
  let arguments = (ins Fovea_FloatTensor:$query, Fovea_FloatTensor:$key, Optional<Fovea_FloatTensor>:$log_sum_exp,
                       Optional<Fovea_FloatTensor>:$cotangent, Optional<Fovea_FloatTensor>:$value,
                       Optional<Fovea_IntegerTensor>:$kv_lengths, Variadic<Fovea_Tensor>:$captures, StrAttr:$give, StrAttr:$over,
                       F64Attr:$scale, DefaultValuedAttr<I64Attr, "-1">:$window_left,
                       DefaultValuedAttr<I64Attr, "-1">:$window_right, DefaultValuedAttr<I64Attr, "0">:$offset);
  let regions = (region AnyRegion:$score, AnyRegion:$mask);
  let results = (outs Fovea_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key (`log_sum_exp` $log_sum_exp^)? (`cotangent` $cotangent^)? (`value` $value^)? (`lengths` $kv_lengths^)?
    (`captures` $captures^)? `gives` $give `over` $over attr-dict-with-keyword (`score` $score^)? (`mask` $mask^)?
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}
