// Matrix products and convolutions.
#include "test/ops/Functions.h"
#include "test/ops/Suites.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace fovea::ops {

namespace {

Case matmul(const std::string &name, const Shape &a, const Shape &b, bool transposeA = false, bool transposeB = false) {
  return {"matmul_" + name,
          {{"a", a}, {"b", b}},
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<MatmulOp>(v[0], v[1], transposeA, transposeB)};
          },
          [=](const Arrays &v) { return Arrays{reference::matmul(v[0], v[1], transposeA, transposeB)}; },
          ulps(8, 16)};
}

/// A sum that is cut into parts, the last of them short.
Case longSum(const std::string &name, const Shape &a, const Shape &b) {
  Case result = matmul(name, a, b, true);
  result.bound = ulps(32, 128); // roundings of up to 2,077 terms; a term lost would be off by far more
  result.gradient = false;
  return result;
}

/// x W^T + bias through relu, with x the transpose of a slice.
Case fused() {
  return {"matmul_fused",
          {{"x", {19, 3, 17}}, {"w", {59, 19}}, {"bias", {59}}},
          [](const Build &build, Values v) {
            Value s = build.make<SliceOp>(build.make<TransposeOp>(v[0], Shape{1, 2, 0}), 1, 2, 13, 1);
            Value sum = build.make<AddOp>(build.make<MatmulOp>(s, v[1], false, true), v[2]);
            return SmallVector<Value>{build.make<ReluOp>(sum)};
          },
          [](const Arrays &v) {
            Array s = reference::slice(reference::transpose(v[0], {1, 2, 0}), {0, 2, 0}, {3, 13, 19}, {1, 1, 1});
            Array sum = reference::binary(reference::matmul(s, v[1], false, true), v[2], std::plus<>());
            return Arrays{reference::unary(sum, [](double x) { return std::max(x, 0.0); })};
          },
          ulps(8, 16)};
}

/// Weights, which are kept in panels, are compared with one another and broadcast.
Case weights() {
  return {
      "matmul_weights",
      {{"x", {3, 5}}, {"w", {5, 16}}, {"y", {3, 1}}, {"v", {1, 16}}},
      [](const Build &build, Values v) {
        Value products = build.make<AddOp>(build.make<MatmulOp>(v[0], v[1], false, false),
                                           build.make<MatmulOp>(v[2], v[3], false, false));
        return SmallVector<Value>{products, build.make<MaximumOp>(v[1], build.make<ReluOp>(v[3]))};
      },
      [](const Arrays &v) {
        Array products = reference::binary(reference::matmul(v[0], v[1]), reference::matmul(v[2], v[3]), std::plus<>());
        return Arrays{products,
                      reference::binary(v[3], v[1], [](double x, double w) { return std::max(std::max(x, 0.0), w); })};
      },
      ulps(8, 16)};
}

/// A NaN of a reaches its own row only, one of b its own column.
Case special() {
  Fill a = [](int64_t at, double draw) { return at == 3 * 17 + 16 ? NAN : at == 5 * 17 ? INFINITY : draw + 0.1; };
  Fill b = [](int64_t at, double draw) { return at == 16 * 19 + 18 ? NAN : draw + 0.1; };
  Case result = matmul("special", {7, 17}, {17, 19});
  result.operands[0].fill = a;
  result.operands[1].fill = b;
  result.gradient = false;
  return result;
}

struct Spread {
  reference::Pair dilation = {1, 1};
  int64_t groups = 1;
};

/// Of sums of so many products of standard normals: rounding errors grow with them.
Bound ofTerms(int64_t terms) { return ulps(8, std::max(16.0, terms / 4.0)); }

Case conv(const std::string &name, const Shape &x, const Shape &weight, reference::Pair stride, reference::Pair padding,
          Spread spread = {}) {
  return {"conv_" + name,
          {{"x", x}, {"w", weight}},
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<Conv2dOp>(v[0], v[1], ArrayRef<int64_t>(stride),
                                                           ArrayRef<int64_t>(padding),
                                                           ArrayRef<int64_t>(spread.dilation), spread.groups)};
          },
          [=](const Arrays &v) {
            return Arrays{reference::conv2d(v[0], v[1], stride, padding, spread.dilation, spread.groups)};
          },
          ofTerms(weight[1] * weight[2] * weight[3])};
}

/// The gradient for the input, with a result of this shape.
Case transposed(const std::string &name, const Shape &x, const Shape &weight, const Shape &result,
                reference::Pair stride, reference::Pair padding, Spread spread = {}) {
  return {"conv_transpose_" + name,
          {{"x", x}, {"w", weight}},
          [=](const Build &build, Values v) {
            return SmallVector<Value>{build.make<Conv2dInputGradOp>(
                build.type(result), v[0], v[1], ArrayRef<int64_t>(stride), ArrayRef<int64_t>(padding),
                ArrayRef<int64_t>(spread.dilation), spread.groups)};
          },
          [=](const Arrays &v) {
            return Arrays{reference::conv_transpose2d(v[0], v[1], {result[2], result[3]}, stride, padding,
                                                      spread.dilation, spread.groups)};
          },
          ofTerms(weight[0] * weight[2] * weight[3])};
}

/// The sum, over all values of the labels that the result lacks, of the operands' products: label by label.
Case summation(const std::string &name, const std::string &equation, std::vector<Operand> operands,
               const std::vector<std::string> &labels, const std::string &output) {
  return function(
      "einsum_" + name, operands, [=](const std::vector<Tensor> &v) { return einsum(equation, v); },
      [=](const Arrays &a) {
        std::map<char, int64_t> sizes;
        std::string all = output;
        for (size_t i = 0; i < a.size(); ++i)
          for (size_t d = 0; d < labels[i].size(); ++d) {
            sizes[labels[i][d]] = std::max(sizes[labels[i][d]], a[i].shape[d]);
            if (all.find(labels[i][d]) == std::string::npos) all += labels[i][d];
          }
        Shape space, shape;
        for (char label : all) space.push_back(sizes[label]);
        for (char label : output) shape.push_back(sizes[label]);
        Array result(shape);
        reference::for_each_index(space, [&](const Shape &at) {
          double product = 1;
          for (size_t i = 0; i < a.size(); ++i) {
            Shape index;
            for (size_t d = 0; d < labels[i].size(); ++d)
              index.push_back(a[i].shape[d] == 1 ? 0 : at[all.find(labels[i][d])]);
            product *= a[i].at(index);
          }
          result.at(Shape(at.begin(), at.begin() + (int64_t)output.size())) += product;
        });
        return result;
      },
      ulps(16, 16));
}

} // namespace

Suite contractionSuite() {
  return {
      "Contraction",
      {
          matmul("1_1_1", {1, 1}, {1, 1}),
          matmul("1_17_1", {1, 17}, {17, 1}),
          matmul("3_1_3", {3, 1}, {1, 3}),
          matmul("17_3_59", {17, 3}, {3, 59}),
          matmul("59_17_3", {59, 17}, {17, 3}),
          matmul("113_59_113", {113, 59}, {59, 113}),
          matmul("1_59_113", {1, 59}, {59, 113}),
          matmul("113_17_1", {113, 17}, {17, 1}),
          matmul("64_64_64", {64, 64}, {64, 64}),
          matmul("even_terms", {59, 34}, {34, 113}),
          matmul("even_terms_transpose_b", {59, 66}, {113, 66}, false, true),
          matmul("transpose_a", {17, 59}, {17, 19}, true),
          matmul("transpose_b", {59, 17}, {19, 17}, false, true),
          matmul("transpose_both", {17, 13}, {59, 17}, true, true),
          matmul("batch", {3, 7, 17}, {3, 17, 5}),
          matmul("batch_even_terms", {3, 59, 18}, {3, 18, 50}),
          matmul("batch_shared_b", {3, 7, 17}, {17, 19}),
          matmul("batch_shared_a", {7, 17}, {3, 17, 19}),
          matmul("batch_broadcast", {2, 1, 7, 5}, {3, 5, 9}),
          matmul("batch_transpose", {2, 3, 17, 7}, {2, 1, 9, 17}, true, true),
          // Copied by tasks, and cut where the sum is long.
          matmul("batch_tiles", {3, 67, 59}, {3, 67, 50}, true),
          matmul("batch_scores", {2, 3, 59, 17}, {3, 61, 17}, false, true),
          longSum("long_sum", {2077, 59}, {2077, 17}),
          // b lies as its panel would.
          longSum("narrow_sum", {131, 19}, {131, 16}),
          longSum("batch_narrow_sum", {3, 131, 19}, {3, 131, 16}),
          fused(),
          composed(weights()),
          special(),
          conv("patches", {2, 3, 12, 8}, {17, 3, 4, 4}, {4, 4}, {0, 0}),
          conv("same", {2, 3, 7, 5}, {5, 3, 3, 3}, {1, 1}, {1, 1}),
          conv("point", {1, 17, 3, 5}, {19, 17, 1, 1}, {1, 1}, {0, 0}),
          conv("strided", {2, 2, 11, 9}, {3, 2, 3, 2}, {2, 3}, {1, 0}),
          conv("whole", {3, 1, 5, 5}, {4, 1, 5, 5}, {1, 1}, {0, 0}),
          conv("wide_padding", {1, 2, 3, 3}, {2, 2, 2, 2}, {1, 2}, {3, 2}),
          conv("dilated", {2, 2, 9, 11}, {3, 2, 3, 2}, {1, 2}, {2, 1}, {{3, 2}}),
          conv("groups", {2, 6, 5, 5}, {9, 2, 3, 3}, {2, 1}, {1, 1}, {{1, 1}, 3}),
          conv("blocks", {1, 2, 37, 41}, {3, 2, 3, 3}, {1, 1}, {1, 1}),
          conv("strided_blocks", {2, 1, 53, 61}, {3, 1, 5, 3}, {2, 2}, {2, 1}),
          conv("parts", {1, 3, 9, 7}, {113, 3, 3, 3}, {1, 1}, {1, 1}),
          conv("channel_parts", {1, 70, 20, 20}, {8, 70, 3, 3}, {1, 1}, {1, 1}),
          conv("depthwise", {1, 17, 7, 5}, {17, 1, 3, 3}, {1, 1}, {1, 1}, {{1, 1}, 17}),
          conv("depthwise_blocks", {1, 3, 29, 37}, {3, 1, 7, 7}, {1, 1}, {3, 3}, {{1, 1}, 3}),
          conv("depthwise_multiplied", {2, 3, 5, 9}, {6, 1, 1, 3}, {1, 2}, {0, 2}, {{1, 2}, 3}),
          summation("product", "ij,jk->ik", {{"a", {3, 5}}, {"b", {5, 7}}}, {"ij", "jk"}, "ik"),
          summation("scores", "bhqd,bhkd->bhqk", {{"q", {2, 3, 5, 4}}, {"k", {2, 3, 7, 4}}}, {"bhqd", "bhkd"}, "bhqk"),
          summation("implicit", "ba, cb", {{"a", {3, 5}}, {"b", {7, 3}}}, {"ba", "cb"}, "ac"),
          summation("diagonal", "iij->j", {{"x", {5, 5, 3}}}, {"iij"}, "j"),
          summation("trace", "ii", {{"x", {5, 5}}}, {"ii"}, ""),
          summation("apart", "iji->ij", {{"x", {3, 4, 3}}}, {"iji"}, "ij"),
          summation("dots", "...ij,...j->...i", {{"a", {2, 3, 5, 4}}, {"b", {3, 4}}}, {"10ij", "0j"}, "10i"),
          summation("three", "i,ij,j->", {{"a", {3}}, {"b", {3, 5}}, {"c", {5}}}, {"i", "ij", "j"}, ""),
          summation("outer", "i,j->ji", {{"a", {3}}, {"b", {5}}}, {"i", "j"}, "ji"),
          transposed("even", {2, 3, 4, 5}, {3, 5, 2, 2}, {2, 5, 8, 10}, {2, 2}, {0, 0}),
          transposed("output_padding", {1, 3, 3, 4}, {3, 2, 3, 3}, {1, 2, 6, 8}, {2, 2}, {1, 1}),
          transposed("channel_parts", {1, 70, 20, 20}, {70, 8, 3, 3}, {1, 8, 20, 20}, {1, 1}, {1, 1}),
          transposed("groups_dilated", {1, 4, 3, 3}, {4, 3, 2, 3}, {1, 6, 4, 9}, {1, 2}, {0, 0}, {{1, 2}, 2}),
      }};
}

} // namespace fovea::ops
