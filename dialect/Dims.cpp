// #fovea.dims: normal form, text form, and its role as a tensor encoding.
#include "dialect/Shape.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

namespace fovea {

SmallVector<StringAttr> normalDims(MLIRContext *context, ArrayRef<StringAttr> names, ArrayRef<AffineExpr> sizes,
                                   AffineMap &map) {
  SmallVector<StringAttr> used;
  for (auto [index, name] : llvm::enumerate(names))
    if (llvm::any_of(sizes, [&, i = index](AffineExpr size) { return size.isFunctionOfSymbol(i); }) &&
        !llvm::is_contained(used, name))
      used.push_back(name);
  llvm::sort(used, [](StringAttr a, StringAttr b) { return a.getValue() < b.getValue(); });
  SmallVector<AffineExpr> symbols;
  for (StringAttr name : names) {
    auto at = llvm::find(used, name);
    symbols.push_back(at == used.end() ? getAffineConstantExpr(0, context)
                                       : getAffineSymbolExpr(at - used.begin(), context));
  }
  SmallVector<AffineExpr> normal;
  for (AffineExpr size : sizes) {
    if (!isa<AffineConstantExpr>(size)) size = simplifyAffineExpr(size.replaceSymbols(symbols), 0, used.size());
    normal.push_back(size);
  }
  map = AffineMap::get(0, used.size(), normal, context);
  return used;
}

SmallVector<int64_t> DimsAttr::evaluate(const llvm::StringMap<int64_t> &values) const {
  SmallVector<AffineExpr> constants;
  for (StringAttr name : getNames()) {
    auto at = values.find(name.getValue());
    assert(at != values.end() && "a symbol without a value");
    constants.push_back(getAffineConstantExpr(at->second, getContext()));
  }
  SmallVector<int64_t> result;
  for (AffineExpr size : getSizes())
    result.push_back(*constantSize(simplifyAffineExpr(size.replaceSymbols(constants), 0, 0)));
  return result;
}

//===-- Text ------------------------------------------------------------------------------------------------------===//

static void printSize(raw_ostream &os, AffineExpr size, ArrayRef<StringAttr> names, bool inProduct = false) {
  if (auto constant = dyn_cast<AffineConstantExpr>(size)) {
    os << constant.getValue();
  } else if (auto symbol = dyn_cast<AffineSymbolExpr>(size)) {
    os << names[symbol.getPosition()].getValue();
  } else {
    auto binary = cast<AffineBinaryOpExpr>(size);
    StringRef sign = size.getKind() == AffineExprKind::Add        ? " + "
                     : size.getKind() == AffineExprKind::Mul      ? " * "
                     : size.getKind() == AffineExprKind::FloorDiv ? " floordiv "
                     : size.getKind() == AffineExprKind::CeilDiv  ? " ceildiv "
                                                                  : " mod ";
    bool product = size.getKind() != AffineExprKind::Add;
    if (inProduct) os << "(";
    printSize(os, binary.getLHS(), names, product);
    os << sign;
    printSize(os, binary.getRHS(), names, product);
    if (inProduct) os << ")";
  }
}

void DimsAttr::print(AsmPrinter &printer) const {
  printer << "<[";
  llvm::interleaveComma(getNames(), printer, [&](StringAttr name) { printer << name.getValue(); });
  printer << "] -> (";
  llvm::interleaveComma(getSizes(), printer,
                        [&](AffineExpr size) { printSize(printer.getStream(), size, getNames()); });
  printer << ")>";
}

namespace {
/// size := product (`+` product)*; product := factor ((`*`|floordiv|ceildiv|mod) factor)*; factor := integer | name |
/// (size)
struct SizeParser {
  AsmParser &parser;
  ArrayRef<StringAttr> names;

  FailureOr<AffineExpr> factor() {
    if (succeeded(parser.parseOptionalLParen())) {
      FailureOr<AffineExpr> inner = size();
      if (failed(inner) || parser.parseRParen()) return failure();
      return inner;
    }
    int64_t value;
    OptionalParseResult integer = parser.parseOptionalInteger(value);
    if (integer.has_value()) {
      if (failed(*integer)) return failure();
      return getAffineConstantExpr(value, parser.getContext());
    }
    StringRef name;
    SMLoc at = parser.getCurrentLocation();
    if (parser.parseKeyword(&name)) return failure();
    for (auto [index, known] : llvm::enumerate(names))
      if (known.getValue() == name) return getAffineSymbolExpr(index, parser.getContext());
    return parser.emitError(at) << "'" << name << "' is not among the symbols of this #fovea.dims", failure();
  }
  FailureOr<AffineExpr> product() {
    FailureOr<AffineExpr> left = factor();
    while (succeeded(left)) {
      char kind = succeeded(parser.parseOptionalStar())                ? '*'
                  : succeeded(parser.parseOptionalKeyword("floordiv")) ? 'f'
                  : succeeded(parser.parseOptionalKeyword("ceildiv"))  ? 'c'
                  : succeeded(parser.parseOptionalKeyword("mod"))      ? 'm'
                                                                       : 0;
      if (!kind) return left;
      SMLoc at = parser.getCurrentLocation();
      FailureOr<AffineExpr> right = factor();
      if (failed(right)) return failure();
      if (kind != '*' && constantSize(*right).value_or(0) < 1)
        return parser.emitError(at, "the divisor of a size must be a positive constant"), failure();
      left = kind == '*'   ? *left * *right
             : kind == 'f' ? left->floorDiv(*right)
             : kind == 'c' ? left->ceilDiv(*right)
                           : *left % *right;
    }
    return failure();
  }
  FailureOr<AffineExpr> size() {
    FailureOr<AffineExpr> left = product();
    while (succeeded(left) && succeeded(parser.parseOptionalPlus())) {
      FailureOr<AffineExpr> right = product();
      if (failed(right)) return failure();
      left = *left + *right;
    }
    return left;
  }
};
} // namespace

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  SmallVector<StringAttr> names;
  SmallVector<AffineExpr> sizes;
  auto name = [&]() -> ParseResult {
    StringRef text;
    if (parser.parseKeyword(&text)) return failure();
    names.push_back(StringAttr::get(parser.getContext(), text));
    return success();
  };
  auto size = [&]() -> ParseResult {
    FailureOr<AffineExpr> parsed = SizeParser{parser, names}.size();
    if (failed(parsed)) return failure();
    sizes.push_back(*parsed);
    return success();
  };
  if (parser.parseLess() || parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, name) || parser.parseArrow() ||
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, size) || parser.parseGreater())
    return {};
  return DimsAttr::get(parser.getContext(), names, sizes);
}

//===-- As an encoding --------------------------------------------------------------------------------------------===//

/// Whether a size stays positive: looked for where every symbol is 1, and where each in turn is large.
static bool isPositive(AffineExpr size, unsigned symbols) {
  MLIRContext *context = size.getContext();
  for (unsigned large = 0; large <= symbols; ++large) {
    SmallVector<AffineExpr> values(symbols, getAffineConstantExpr(1, context));
    if (large < symbols) values[large] = getAffineConstantExpr(1 << 16, context);
    if (constantSize(simplifyAffineExpr(size.replaceSymbols(values), 0, 0)).value_or(0) < 1) return false;
  }
  return true;
}

LogicalResult DimsAttr::verifyEncoding(ArrayRef<int64_t> shape, Type,
                                       function_ref<InFlightDiagnostic()> emitError) const {
  if (shape.size() != getSizes().size())
    return emitError() << "a tensor of rank " << shape.size() << " has a #fovea.dims of " << getSizes().size()
                       << " sizes: give one for each dimension";
  for (auto [index, pair] : llvm::enumerate(llvm::zip(shape, getSizes()))) {
    auto [extent, size] = pair;
    std::string text;
    llvm::raw_string_ostream os(text);
    printSize(os, size, getNames());
    if (ShapedType::isDynamic(extent) && !isPositive(size, getNames().size()))
      return emitError() << "dimension " << index << " is " << text
                         << ", which can be less than 1: every size is at least 1";
    if (constantSize(size).value_or(ShapedType::kDynamic) != extent) {
      InFlightDiagnostic diagnostic = emitError() << "dimension " << index << " is ";
      ShapedType::isDynamic(extent) ? diagnostic << "?" : diagnostic << extent;
      return diagnostic << " but its #fovea.dims size is " << text << ": a ? has a symbolic size, a number its own";
    }
  }
  return success();
}

std::string Shapes::text(AffineExpr size) const {
  std::string result;
  llvm::raw_string_ostream os(result);
  printSize(os, size, names);
  return result;
}

} // namespace fovea
