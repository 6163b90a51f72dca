// Einstein's summation, as products of matrices.
#include "lib/dsl/Build.h"

#include <fovea/Functions.h>
#include <fovea/Model.h>

#include "llvm/ADT/StringExtras.h"

#include <algorithm>
#include <map>

namespace fovea {

using namespace dsl;

namespace {

/// A tensor with a label for each dimension.
struct Labelled {
  Tensor tensor;
  std::string labels;
};

bool has(const std::string &labels, char label) { return labels.find(label) != std::string::npos; }

class Einsum {
public:
  Einsum(const std::string &equation, const std::vector<Tensor> &operands, const Frame &frame)
      : equation(equation), frame(frame) {
    llvm::erase(this->equation, ' ');
    parse(operands);
  }

  Tensor compute() {
    for (size_t index = 0; index < terms.size(); ++index) {
      // What is not needed any more is summed away first.
      std::string needed = output;
      for (size_t other = 0; other < terms.size(); ++other)
        if (other != index) needed += terms[other].labels;
      terms[index] = summed(terms[index], needed);
    }
    Labelled result = terms[0];
    for (size_t index = 1; index < terms.size(); ++index) {
      std::string kept = output;
      for (size_t other = index + 1; other < terms.size(); ++other) kept += terms[other].labels;
      result = product(result, terms[index], kept);
    }
    return ordered(summed(result, output), output);
  }

private:
  [[noreturn]] void fail(const std::string &message) const { frame.fail("einsum: \"" + equation + "\" " + message); }

  void parse(const std::vector<Tensor> &operands) {
    size_t arrow = equation.find("->"), dots = 0;
    llvm::SmallVector<llvm::StringRef> parts;
    llvm::StringRef(equation).take_front(arrow).split(parts, ',');
    if (parts.size() != operands.size())
      fail("names " + std::to_string(parts.size()) + " operands, but there are " + std::to_string(operands.size()));
    std::map<char, int> uses;
    for (auto [part, operand] : llvm::zip(parts, operands)) {
      std::string labels = expanded(part.str(), operand.rank(), dots);
      if ((int64_t)labels.size() != operand.rank())
        fail("names " + std::to_string(labels.size()) + " dimensions of " + shapeText(Program::typeOf(operand)));
      for (char label : labels) ++uses[label];
      terms.push_back(diagonal({operand, labels}));
      checkSizes(terms.back());
    }
    if (arrow != std::string::npos) {
      std::string labels = equation.substr(arrow + 2);
      size_t ignored = 0;
      output = expanded(labels, (int64_t)(labels.size() + dots) - 3, ignored);
    } else {
      for (auto [label, count] : uses)
        if (isDots(label)) output += label;
      for (auto [label, count] : uses)
        if (count == 1 && !isDots(label)) output += label;
    }
    for (char label : output)
      if (!uses.count(label)) fail(std::string("gives the label '") + label + "', which no operand has");
    std::string sorted = output;
    llvm::sort(sorted);
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) fail("gives a label twice");
  }

  /// `...` becomes as many labels as are needed, digits from the last dimension on: 0, 1, ..
  std::string expanded(std::string labels, int64_t rank, size_t &dots) const {
    size_t at = labels.find("...");
    std::string stand;
    if (at != std::string::npos) {
      auto count = (size_t)std::max<int64_t>(0, rank - (int64_t)labels.size() + 3);
      if (count > 10) fail("has more than 10 dimensions in \"...\"");
      dots = std::max(dots, count);
      for (size_t i = count; i-- > 0;) stand += char('0' + i);
      labels.erase(at, 3);
    }
    for (char label : labels)
      if (!llvm::isAlpha(label)) fail(std::string("has the label '") + label + "': labels are letters");
    return at == std::string::npos ? labels : labels.insert(at, stand);
  }
  static bool isDots(char label) { return label >= '0' && label <= '9'; }

  /// All uses of a label have one size; those of `...` may be 1.
  void checkSizes(const Labelled &term) {
    for (auto [d, label] : llvm::enumerate(term.labels)) {
      Dim size = term.tensor.dim((int64_t)d);
      auto [known, fresh] = sizes.insert({label, size});
      if (fresh || known->second == size || (isDots(label) && size == Dim(1))) continue;
      if (isDots(label) && known->second == Dim(1)) {
        known->second = size;
        continue;
      }
      fail(std::string("has two sizes for the label '") + label + "': they must be equal");
    }
  }

  /// One dimension for each label: the elements where the coordinates of a repeated one are equal.
  Labelled diagonal(Labelled term) const {
    for (size_t d = 0; d < term.labels.size(); ++d) {
      size_t other = term.labels.find(term.labels[d], d + 1);
      if (other == std::string::npos) continue;
      std::optional<int64_t> size = term.tensor.dim((int64_t)d).constant();
      if (!size || term.tensor.dim((int64_t)other).constant() != size)
        fail(std::string("takes the diagonal '") + term.labels[d] + "' of " + shapeText(Program::typeOf(term.tensor)) +
             ": both sizes must be the same number");
      checkTable("einsum", term.tensor, *size);
      // Beside each other, both looked up by one index.
      std::vector<int64_t> order;
      for (int64_t each = 0; each < term.tensor.rank(); ++each)
        if (each != (int64_t)other) order.push_back(each);
      order.insert(order.begin() + (int64_t)d + 1, (int64_t)other);
      Tensor beside = transpose(term.tensor, order);
      Program &program = Program::of(beside);
      llvm::SmallVector<int64_t> places = llvm::to_vector(llvm::seq<int64_t>(0, *size));
      Value index = valueOf(dsl::constant(program, Site::here(), *size, places));
      term.tensor =
          apply<GatherOp>(program, Site::here(), valueOf(beside), mlir::ValueRange{index, index}, (int64_t)d, 0);
      term.labels.erase(other, 1);
      --d;
    }
    return term;
  }

  /// Sums over the labels that are not in `kept`.
  static Labelled summed(const Labelled &term, const std::string &kept) {
    Axes axes;
    axes.listed.emplace();
    Labelled result{term.tensor, ""};
    for (size_t d = 0; d < term.labels.size(); ++d)
      if (has(kept, term.labels[d]))
        result.labels += term.labels[d];
      else
        axes.listed->push_back((int64_t)d);
    if (!axes.listed->empty()) result.tensor = sum(term.tensor, axes);
    return result;
  }

  static Tensor ordered(const Labelled &term, const std::string &labels) {
    std::vector<int64_t> order;
    for (char label : labels) order.push_back((int64_t)term.labels.find(label));
    return transpose(term.tensor, order);
  }

  /// The product of two terms, summed over what `kept` does not name: batches of (left, inner) times (inner, right).
  Labelled product(const Labelled &a, const Labelled &b, const std::string &kept) const {
    std::string batch, left, right, inner;
    for (char label : a.labels) (!has(b.labels, label) ? left : has(kept, label) ? batch : inner) += label;
    for (char label : b.labels)
      if (!has(a.labels, label)) right += label;
    auto shape = [](const Labelled &of, const std::string &labels) {
      Shape result;
      for (char label : labels) result.push_back(of.tensor.dim((int64_t)of.labels.find(label)));
      return result;
    };
    auto matrix = [&](const Labelled &of, const std::string &rows, const std::string &columns) {
      Shape flat = shape(of, batch);
      for (const std::string &labels : {rows, columns}) {
        Dim size = 1;
        for (const Dim &each : shape(of, labels)) size = size * each;
        flat.push_back(size);
      }
      return reshape(ordered(of, batch + rows + columns), flat);
    };
    Tensor result = matmul(matrix(a, left, inner), matrix(b, inner, right));
    Shape whole;
    for (size_t d = 0; d < batch.size(); ++d) whole.push_back(result.dim((int64_t)d));
    for (const Shape &sizes : {shape(a, left), shape(b, right)}) whole.insert(whole.end(), sizes.begin(), sizes.end());
    return {reshape(result, whole), batch + left + right};
  }

  std::string equation, output;
  const Frame &frame;
  std::vector<Labelled> terms;
  std::map<char, Dim> sizes;
};

} // namespace

Tensor einsum(const std::string &equation, const std::vector<Tensor> &operands, Site site) {
  if (operands.empty()) dsl::fail({site}, "einsum: there is no tensor: give at least one");
  llvm::SmallVector<const Tensor *> pointers;
  for (const Tensor &operand : operands) pointers.push_back(&operand);
  Program::of(site, pointers);
  Frame frame({operands[0], site});
  return Einsum(equation, operands, frame).compute();
}

} // namespace fovea
