// Einsum, as products of matrices.
#include "lib/onnx/Compositions.h"
#include "lib/onnx/Registry.h"

#include <algorithm>

namespace fovea::onnx {
namespace {

/// A tensor with a letter for each dimension.
struct Term {
  Tensor tensor;
  std::string letters;
};

bool has(const std::string &letters, char letter) { return letters.find(letter) != std::string::npos; }

/// Sums over the letters that are not in `kept`.
Term summed(const Term &term, const std::string &kept) {
  std::vector<int64_t> axes;
  Term result{term.tensor, ""};
  for (size_t d = 0; d < term.letters.size(); ++d)
    if (has(kept, term.letters[d]))
      result.letters += term.letters[d];
    else
      axes.push_back((int64_t)d);
  if (!axes.empty()) result.tensor = sum(term.tensor, listed(axes));
  return result;
}

Tensor ordered(const Term &term, const std::string &letters) {
  std::vector<int64_t> order;
  for (char letter : letters) order.push_back((int64_t)term.letters.find(letter));
  return transpose(term.tensor, order);
}

/// The product of two terms, summed over what `kept` does not name: batches of (left, inner) times (inner, right).
Term product(const Term &a, const Term &b, const std::string &kept) {
  std::string batch, left, right, inner;
  std::map<char, Dim> sizes;
  for (size_t d = 0; d < a.letters.size(); ++d) sizes.insert_or_assign(a.letters[d], a.tensor.dim((int64_t)d));
  for (size_t d = 0; d < b.letters.size(); ++d) sizes.insert_or_assign(b.letters[d], b.tensor.dim((int64_t)d));
  for (char letter : a.letters) (!has(b.letters, letter) ? left : has(kept, letter) ? batch : inner) += letter;
  for (char letter : b.letters)
    if (!has(a.letters, letter)) right += letter;
  auto shape = [&](const std::string &letters) {
    Shape result;
    for (char letter : letters) result.push_back(sizes.at(letter));
    return result;
  };
  auto size = [&](const std::string &letters) {
    Dim result = 1;
    for (const Dim &each : shape(letters)) result = result * each;
    return result;
  };
  auto matrix = [&](const Term &term, const std::string &rows, const std::string &columns) {
    Shape flat = shape(batch);
    flat.insert(flat.end(), {size(rows), size(columns)});
    return reshape(ordered(term, batch + rows + columns), flat);
  };
  Tensor result = matmul(matrix(a, left, inner), matrix(b, inner, right));
  return {reshape(result, shape(batch + left + right)), batch + left + right};
}

/// Letters for `...`, aligned at the last dimension: capitals from Z down are rarely used otherwise.
std::string expanded(Call &call, std::string letters, int64_t rank, size_t &dots) {
  size_t at = letters.find("...");
  if (at == std::string::npos) return letters;
  size_t count = (size_t)std::max<int64_t>(0, rank - (int64_t)letters.size() + 3);
  dots = std::max(dots, count);
  std::string stand;
  for (size_t i = count; i-- > 0;) stand += char('Z' - i);
  return letters.replace(at, 3, stand);
}

void einsum(Call &call) {
  std::string equation = call.text("equation", "");
  equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
  size_t arrow = equation.find("->"), dots = 0;
  std::string left = equation.substr(0, arrow), output;
  std::vector<Term> terms;
  std::map<char, int> uses;
  for (size_t index = 0, at = 0; index < call.inputCount(); ++index) {
    size_t comma = left.find(',', at);
    if (at == std::string::npos) call.unsupported("the equation '" + equation + "' names fewer inputs than there are");
    Tensor x = call.tensor(index);
    if (!isFloat(x.dtype())) call.unsupported("products of integers are not supported");
    std::string letters =
        expanded(call, left.substr(at, comma == std::string::npos ? comma : comma - at), x.rank(), dots);
    std::string sorted = letters;
    std::sort(sorted.begin(), sorted.end());
    if ((int64_t)letters.size() != x.rank())
      call.unsupported("'" + letters + "' does not name the dimensions of " + shapeText(x.shape()));
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end())
      call.unsupported("diagonals ('" + letters + "') are not supported");
    for (char letter : letters) ++uses[letter];
    terms.push_back({x, letters});
    at = comma == std::string::npos ? comma : comma + 1;
  }
  if (terms.empty()) call.unsupported("it has no input");
  if (arrow != std::string::npos) {
    size_t ignored = 0;
    std::string dotted = equation.substr(arrow + 2);
    output = expanded(call, dotted, (int64_t)(dotted.size() + dots) - 3, ignored);
  } else {
    for (auto [letter, count] : uses)
      if (count == 1 || (letter <= 'Z' && letter > 'Z' - (int)dots)) output += letter;
  }
  for (char letter : output)
    if (!uses.count(letter)) call.unsupported(std::string("the output names '") + letter + "', which no input has");
  for (size_t index = 0; index < terms.size(); ++index) {
    // What is not needed any more is summed away first.
    std::string needed = output;
    for (size_t other = 0; other < terms.size(); ++other)
      if (other != index) needed += terms[other].letters;
    terms[index] = summed(terms[index], needed);
  }
  Term result = terms[0];
  for (size_t index = 1; index < terms.size(); ++index) {
    std::string kept = output;
    for (size_t other = index + 1; other < terms.size(); ++other) kept += terms[other].letters;
    result = product(result, terms[index], kept);
  }
  call.give(ordered(summed(result, output), output));
}

} // namespace

void addEinsum(Registry &registry) { registry.add("Einsum", {12, 28}, einsum); }

} // namespace fovea::onnx
