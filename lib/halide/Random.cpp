// Philox4x32-10 (Salmon et al. 2011) as expressions.
#include "lib/halide/Random.h"
#include "lib/halide/Families.h"

using namespace mlir;
using Halide::Expr;

namespace fovea {
namespace {

struct PhiloxState {
  Expr words[4];
};

/// Ten rounds over a counter of four words with a key of two.
PhiloxState philox(PhiloxState counter, Expr key0, Expr key1) {
  auto product = [](uint32_t factor, const Expr &word) {
    return Halide::cast(Halide::UInt(64), word) * Halide::Internal::make_const(Halide::UInt(64), factor);
  };
  auto high = [](const Expr &value) { return Halide::cast(Halide::UInt(32), value >> 32); };
  auto low = [](const Expr &value) { return Halide::cast(Halide::UInt(32), value); };
  for (int round = 0; round < 10; ++round) {
    Expr a = product(0xD2511F53u, counter.words[0]), b = product(0xCD9E8D57u, counter.words[2]);
    counter = {high(b) ^ counter.words[1] ^ key0, low(b), high(a) ^ counter.words[3] ^ key1, low(a)};
    key0 = key0 + Halide::Internal::make_const(Halide::UInt(32), 0x9E3779B9u);
    key1 = key1 + Halide::Internal::make_const(Halide::UInt(32), 0xBB67AE85u);
  }
  return counter;
}

Expr word(const Expr &value) { return Halide::cast(Halide::UInt(32), value); }

struct RandomKeysLowering : PointLowering::ExternalModel<RandomKeysLowering, RandomKeysOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto keys = mlir::cast<RandomKeysOp>(op);
    Expr seed = Halide::cast(Halide::UInt(64), kernel.load(keys.getSeed(), {}));
    Expr counter = Halide::cast(Halide::UInt(64), kernel.load(keys.getCounter(), {}));
    PhiloxState state =
        philox({word(counter), word(counter >> 32), word(at[0]), word(Expr(0))}, word(seed), word(seed >> 32));
    return Halide::cast(Halide::Int(32), select(at[1] == 0, state.words[0], state.words[1]));
  }
};

struct RandomUniformLowering : PointLowering::ExternalModel<RandomUniformLowering, RandomUniformOp> {
  Expr lowerPoint(Operation *op, KernelLowering &kernel, Coordinates at) const {
    auto uniform = mlir::cast<RandomUniformOp>(op);
    return uniformAt(kernel, uniform.getKey(), kernel.extents(uniform.getType()), at,
                     kernel.type(uniform.getType().getElementType()));
  }
  static Expr uniformAt(KernelLowering &kernel, Value key, ArrayRef<Expr> extents, Coordinates at, Halide::Type type) {
    Expr index = word(Expr(0));
    for (auto [extent, coordinate] : llvm::zip(extents, at)) index = index * word(extent) + word(coordinate);
    Expr zero = word(Expr(0));
    PhiloxState state =
        philox({index, zero, zero, zero}, word(kernel.load(key, {Expr(0)})), word(kernel.load(key, {Expr(1)})));
    return Halide::cast(type, state.words[0] >> 8) * Halide::Internal::make_const(type, 1.0 / (1 << 24));
  }
};

} // namespace

Expr randomUniform(KernelLowering &kernel, Value key, ArrayRef<Expr> extents, Coordinates at, Halide::Type type) {
  return RandomUniformLowering::uniformAt(kernel, key, extents, at, type);
}

void registerRandomLowerings(MLIRContext *context) {
  RandomKeysOp::attachInterface<RandomKeysLowering>(*context);
  RandomUniformOp::attachInterface<RandomUniformLowering>(*context);
}

} // namespace fovea
