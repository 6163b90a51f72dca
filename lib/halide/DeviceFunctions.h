// What the processor's names and constants are in a device's code.
#pragma once

#include "Halide.h"

#include <cstring>

namespace fovea {

/// OpenCL: constants of f64 by their bits, because Halide writes them as floats.
class DoublesByBits : public Halide::Internal::IRMutator {
  using IRMutator::visit;
  Halide::Expr visit(const Halide::Internal::FloatImm *constant) override {
    if (constant->type != Halide::Float(64) || double(float(constant->value)) == constant->value) return constant;
    int64_t bits;
    std::memcpy(&bits, &constant->value, sizeof bits);
    return Halide::reinterpret<double>(Halide::Internal::make_const(Halide::Int(64), bits));
  }
};

/// CUDA: functions of the C library (math::library) by their names in NVIDIA's library for devices, which Halide links.
class NvidiaFunctions : public Halide::Internal::IRMutator {
  using IRMutator::visit;
  Halide::Expr visit(const Halide::Internal::Call *call) override {
    using Halide::Internal::Call;
    static const std::set<std::string> known = {"cos", "erf", "exp", "fmod", "log", "log1p", "pow", "sin", "tanh"};
    Halide::Expr visited = IRMutator::visit(call);
    call = visited.as<Call>();
    if (!call || call->call_type != Call::PureExtern || !known.count(call->name)) return visited;
    return Call::make(call->type, "__nv_" + call->name, call->args, call->call_type);
  }
};

/// CUDA: what the threads of a warp give each other.
class LaneExchange : public Halide::Internal::IRMutator {
public:
  /// The value of 32 bits that the thread `distance` lanes further on has, and that thread this one's.
  static Halide::Expr of(const Halide::Expr &value, int distance) {
    using Halide::Internal::Call;
    return Call::make(value.type(), name, {value, distance}, Call::PureExtern);
  }

private:
  using IRMutator::visit;
  // Not from the start, because Halide 21 moves calls of this name before what they depend on.
  Halide::Expr visit(const Halide::Internal::Call *call) override {
    using Halide::Internal::Call;
    Halide::Expr visited = IRMutator::visit(call);
    call = visited.as<Call>();
    if (!call || call->name != name) return visited;
    const int allLanes = -1, lastLane = 31;
    std::string type = call->type.is_float() ? "f32" : "i32";
    return Call::make(call->type, "llvm.nvvm.shfl.sync.bfly." + type,
                      {allLanes, call->args[0], call->args[1], lastLane}, Call::PureExtern);
  }

  static constexpr const char *name = "lane_exchange";
};

} // namespace fovea
