// What instructions do, from NVIDIA's PTX ISA, 9.7.
#include "test/cuda/Machine.h"
#include "test/gpu/Bf16.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

namespace fovea::ptx {
namespace {

template <typename T> T from(uint64_t bits) {
  T value;
  if constexpr (std::is_same_v<T, bool>)
    value = bits != 0;
  else
    std::memcpy(&value, &bits, sizeof value);
  return value;
}
template <typename T> uint64_t to(T value) {
  uint64_t bits = 0;
  if constexpr (std::is_same_v<T, bool>)
    bits = value;
  else
    std::memcpy(&bits, &value, sizeof value);
  return bits;
}

template <typename F> void forEach(uint32_t lanes, F body) {
  for (int lane = 0; lane < warpLanes; ++lane)
    if (lanes >> lane & 1) body(lane);
}

/// result = f(operands...) in each lane, of a lambda without captures.
template <typename F, typename Call = decltype(&F::operator())> struct Apply;
template <typename F, typename R, typename... A> struct Apply<F, R (F::*)(A...) const> {
  static inline const F *f = nullptr;

  static void run(const Instruction &instruction, Warp &warp, uint32_t lanes) {
    apply(instruction, warp, lanes, std::index_sequence_for<A...>());
  }
  template <size_t... at>
  static void apply(const Instruction &instruction, Warp &warp, uint32_t lanes, std::index_sequence<at...>) {
    std::array<Lanes, sizeof...(A)> rooms;
    std::array<const Lanes *, sizeof...(A)> values{&warp.values(instruction.operands[at + 1], rooms[at])...};
    Lanes &result = warp.registers[instruction.operands[0].value];
    if (lanes == ~0u)
      for (int lane = 0; lane < warpLanes; ++lane) result[lane] = to<R>((*f)(from<A>((*values[at])[lane])...));
    else
      forEach(lanes, [&](int lane) { result[lane] = to<R>((*f)(from<A>((*values[at])[lane])...)); });
  }
};
template <typename F> Handler handler(F function) {
  static const F kept = function;
  Apply<F>::f = &kept;
  return Apply<F>::run;
}

using Table = std::map<std::string, Handler>;

//===-- Integers --------------------------------------------------------------------------------------------------===//

template <typename T>
using Wide = std::conditional_t<
    std::is_signed_v<T>,
    std::conditional_t<sizeof(T) == 4, int64_t, std::conditional_t<sizeof(T) == 2, int32_t, __int128>>,
    std::conditional_t<sizeof(T) == 4, uint64_t, std::conditional_t<sizeof(T) == 2, uint32_t, unsigned __int128>>>;

template <typename T> void addIntegers(Table &table, const std::string &type) {
  using U = std::make_unsigned_t<T>;
  table["add." + type] = handler([](U a, U b) { return U(a + b); });
  table["sub." + type] = handler([](U a, U b) { return U(a - b); });
  table["mul.lo." + type] = handler([](U a, U b) { return U(uint64_t(a) * b); });
  table["mul.hi." + type] = handler([](T a, T b) { return T(Wide<T>(a) * Wide<T>(b) >> 8 * sizeof(T)); });
  table["mad.lo." + type] = handler([](U a, U b, U c) { return U(uint64_t(a) * b + c); });
  if constexpr (sizeof(T) < 8) {
    table["mul.wide." + type] = handler([](T a, T b) { return Wide<T>(a) * Wide<T>(b); });
    table["mad.wide." + type] = handler([](T a, T b, Wide<T> c) { return Wide<T>(a) * Wide<T>(b) + c; });
  }
  table["div." + type] = handler([](T a, T b) { return b ? T(a / b) : T(-1); });
  table["rem." + type] = handler([](T a, T b) { return b ? T(a % b) : a; });
  table["min." + type] = handler([](T a, T b) { return a < b ? a : b; });
  table["max." + type] = handler([](T a, T b) { return a > b ? a : b; });
  table["neg." + type] = handler([](U a) { return U(0 - a); });
  table["abs." + type] = handler([](T a) { return a < T(0) ? T(0 - U(a)) : a; });
  table["shr." + type] = handler([](T a, uint32_t b) { return T(a >> (b < 8 * sizeof(T) ? b : 8 * sizeof(T) - 1)); });
  if (std::is_unsigned_v<T>)
    table["shr." + type] = handler([](T a, uint32_t b) { return b < 8 * sizeof(T) ? T(a >> b) : T(0); });
  table["setp.lt." + type] = handler([](T a, T b) { return a < b; });
  table["setp.le." + type] = handler([](T a, T b) { return a <= b; });
  table["setp.gt." + type] = handler([](T a, T b) { return a > b; });
  table["setp.ge." + type] = handler([](T a, T b) { return a >= b; });
  for (std::string each : {type, "b" + type.substr(1)}) {
    table["setp.eq." + each] = handler([](T a, T b) { return a == b; });
    table["setp.ne." + each] = handler([](T a, T b) { return a != b; });
  }
}

template <typename T> void addBits(Table &table, const std::string &type) {
  table["and." + type] = handler([](T a, T b) { return T(a & b); });
  table["or." + type] = handler([](T a, T b) { return T(a | b); });
  table["xor." + type] = handler([](T a, T b) { return T(a ^ b); });
  table["not." + type] = handler([](T a) { return T(a ^ T(-1)); });
  table["mov." + type] = handler([](T a) { return a; });
  table["selp." + type] = handler([](T a, T b, bool c) { return c ? a : b; });
  if constexpr (!std::is_same_v<T, bool>) {
    table["shl." + type] = handler([](T a, uint32_t b) { return b < 8 * sizeof(T) ? T(a << b) : T(0); });
    if constexpr (sizeof(T) >= 4)
      table["clz." + type] = handler([](T a) {
        return uint32_t(!a ? 8 * sizeof(T) : sizeof(T) == 4 ? __builtin_clz(uint32_t(a)) : __builtin_clzll(a));
      });
  }
}

/// Sums in several registers, for long arguments of sine and cosine.
template <int kind> void carrying(const Instruction &instruction, Warp &warp, uint32_t lanes) {
  constexpr bool subtracts = kind & 1, takes = kind & 2, gives = kind & 4, multiplies = kind & 8, high = kind & 16;
  Lanes rooms[3];
  const Lanes &a = warp.values(instruction.operands[1], rooms[0]), &b = warp.values(instruction.operands[2], rooms[1]);
  forEach(lanes, [&](int lane) {
    uint64_t x = uint32_t(a[lane]), y = uint32_t(b[lane]);
    if (multiplies) {
      uint64_t product = x * y;
      x = high ? product >> 32 : uint32_t(product);
      y = uint32_t(warp.values(instruction.operands[3], rooms[2])[lane]);
    }
    uint64_t in = takes && warp.carry[lane], sum = subtracts ? x - y - in : x + y + in;
    if (gives) warp.carry[lane] = sum >> 32 & 1;
    warp.registers[instruction.operands[0].value][lane] = uint32_t(sum);
  });
}

void addCarries(Table &table) {
  table["add.cc.u32"] = table["add.cc.s32"] = carrying<4>;
  table["addc.cc.u32"] = table["addc.cc.s32"] = carrying<6>;
  table["addc.u32"] = table["addc.s32"] = carrying<2>;
  table["sub.cc.u32"] = table["sub.cc.s32"] = carrying<5>;
  table["subc.cc.u32"] = table["subc.cc.s32"] = carrying<7>;
  table["subc.u32"] = table["subc.s32"] = carrying<3>;
  table["mad.lo.cc.u32"] = carrying<12>;
  table["madc.lo.cc.u32"] = carrying<14>;
  table["madc.lo.u32"] = carrying<10>;
  table["mad.hi.cc.u32"] = carrying<28>;
  table["madc.hi.cc.u32"] = carrying<30>;
  table["madc.hi.u32"] = carrying<26>;
}

//===-- Reals -----------------------------------------------------------------------------------------------------===//

float fromHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float size = exponent == 31 ? (fraction ? NAN : INFINITY)
                              : std::ldexp(float(exponent ? fraction + 1024 : fraction), std::max(exponent, 1) - 25);
  return bits >> 15 ? -size : size;
}

/// To the nearest, and of two to the even one.
uint16_t toHalf(double value) {
  uint16_t sign = std::signbit(value) << 15;
  double size = std::fabs(value);
  if (std::isnan(size)) return 0x7fff;
  if (size >= 65520) return sign | 0x7c00;
  int exponent = std::max(std::ilogb(std::max(size, 0x1p-14)), -14);
  auto steps = uint16_t(std::nearbyint(std::ldexp(size, 10 - exponent))); // 1024 to 2048 where it is normal
  return sign | uint16_t(steps + (exponent + 14) * 1024);
}

/// A number of 16 bits; arithmetic is in f32, and rounded.
struct Half {
  uint16_t bits;
  operator float() const { return fromHalf(bits); }
};

template <typename T> void addComparisons(Table &table, const std::string &type) {
  table["setp.eq." + type] = handler([](T a, T b) { return a == b; });
  table["setp.ne." + type] = handler([](T a, T b) { return a < b || a > b; });
  table["setp.lt." + type] = handler([](T a, T b) { return a < b; });
  table["setp.le." + type] = handler([](T a, T b) { return a <= b; });
  table["setp.gt." + type] = handler([](T a, T b) { return a > b; });
  table["setp.ge." + type] = handler([](T a, T b) { return a >= b; });
  table["setp.equ." + type] = handler([](T a, T b) { return !(a < b || a > b); });
  table["setp.neu." + type] = handler([](T a, T b) { return !(a == b); });
  table["setp.ltu." + type] = handler([](T a, T b) { return !(a >= b); });
  table["setp.leu." + type] = handler([](T a, T b) { return !(a > b); });
  table["setp.gtu." + type] = handler([](T a, T b) { return !(a <= b); });
  table["setp.geu." + type] = handler([](T a, T b) { return !(a < b); });
  table["setp.num." + type] = handler([](T a, T b) { return a == a && b == b; });
  table["setp.nan." + type] = handler([](T a, T b) { return a != a || b != b; });
}

template <typename T> void addReals(Table &table, const std::string &type) {
  for (std::string rounding : {"", "rn."}) {
    table["add." + rounding + type] = handler([](T a, T b) { return a + b; });
    table["sub." + rounding + type] = handler([](T a, T b) { return a - b; });
    table["mul." + rounding + type] = handler([](T a, T b) { return a * b; });
  }
  table["fma.rn." + type] = handler([](T a, T b, T c) { return std::fma(a, b, c); });
  for (std::string how : {"rn.", "approx.", "full."}) {
    table["div." + how + type] = handler([](T a, T b) { return a / b; });
    table["rcp." + how + type] = handler([](T a) { return 1 / a; });
    table["sqrt." + how + type] = handler([](T a) { return std::sqrt(a); });
    table["rsqrt." + how + type] = handler([](T a) { return 1 / std::sqrt(a); });
    table["ex2." + how + type] = handler([](T a) { return std::exp2(a); });
    table["lg2." + how + type] = handler([](T a) { return std::log2(a); });
  }
  table["min." + type] = handler([](T a, T b) { return std::isnan(a) ? b : std::isnan(b) || a < b ? a : b; });
  table["max." + type] = handler([](T a, T b) { return std::isnan(a) ? b : std::isnan(b) || a > b ? a : b; });
  table["min.NaN." + type] = handler([](T a, T b) { return std::isnan(a) || a < b ? a : b; });
  table["max.NaN." + type] = handler([](T a, T b) { return std::isnan(a) || a > b ? a : b; });
  table["neg." + type] = handler([](T a) { return -a; });
  table["abs." + type] = handler([](T a) { return std::fabs(a); });
  table["copysign." + type] = handler([](T a, T b) { return std::copysign(b, a); });
  table["mov." + type] = handler([](T a) { return a; });
  table["selp." + type] = handler([](T a, T b, bool c) { return c ? a : b; });
  addComparisons<T>(table, type);
}

/// A real as an integer: NaN is 0, and what is outside the nearest.
template <typename To, typename From> To integerOf(From value) {
  constexpr int bits = std::numeric_limits<To>::digits;
  if (std::isnan(value)) return 0;
  if (value >= std::ldexp(From(1), bits)) return std::numeric_limits<To>::max();
  if (value < (std::is_signed_v<To> ? -std::ldexp(From(1), bits) : From(0))) return std::numeric_limits<To>::min();
  return To(value);
}

template <typename To, typename From> void addConversion(Table &table, const std::string &to, const std::string &from) {
  std::string types = to + "." + from;
  constexpr bool toReal = std::is_floating_point_v<To>, fromReal = std::is_floating_point_v<From>;
  auto add = [&](const std::string &rounding, Handler handler) { table["cvt." + rounding + types] = handler; };
  if constexpr (fromReal && !toReal) {
    add("rzi.", handler([](From a) { return integerOf<To>(std::trunc(a)); }));
    add("rni.", handler([](From a) { return integerOf<To>(std::nearbyint(a)); }));
    add("rmi.", handler([](From a) { return integerOf<To>(std::floor(a)); }));
    add("rpi.", handler([](From a) { return integerOf<To>(std::ceil(a)); }));
  } else if constexpr (fromReal && std::is_same_v<From, To>) {
    add("rzi.", handler([](From a) { return std::trunc(a); }));
    add("rni.", handler([](From a) { return std::nearbyint(a); }));
    add("rmi.", handler([](From a) { return std::floor(a); }));
    add("rpi.", handler([](From a) { return std::ceil(a); }));
  } else {
    for (const char *rounding : {"", "rn."}) add(rounding, handler([](From a) { return To(a); }));
  }
}

template <typename From> void addConversions(Table &table, const std::string &from) {
  addConversion<int8_t, From>(table, "s8", from);
  addConversion<uint8_t, From>(table, "u8", from);
  addConversion<int16_t, From>(table, "s16", from);
  addConversion<uint16_t, From>(table, "u16", from);
  addConversion<int32_t, From>(table, "s32", from);
  addConversion<uint32_t, From>(table, "u32", from);
  addConversion<int64_t, From>(table, "s64", from);
  addConversion<uint64_t, From>(table, "u64", from);
  addConversion<float, From>(table, "f32", from);
  addConversion<double, From>(table, "f64", from);
}

/// Between f16 and another type.
template <typename T> void addHalfConversions(Table &table, const std::string &type) {
  if constexpr (std::is_floating_point_v<T>) {
    table["cvt." + type + ".f16"] = handler([](Half a) { return T(float(a)); });
  } else {
    table["cvt.rzi." + type + ".f16"] = handler([](Half a) { return integerOf<T>(std::trunc(float(a))); });
    table["cvt.rni." + type + ".f16"] = handler([](Half a) { return integerOf<T>(std::nearbyint(float(a))); });
    table["cvt.rmi." + type + ".f16"] = handler([](Half a) { return integerOf<T>(std::floor(float(a))); });
    table["cvt.rpi." + type + ".f16"] = handler([](Half a) { return integerOf<T>(std::ceil(float(a))); });
  }
  table["cvt.rn.f16." + type] = handler([](T a) { return toHalf(double(a)); });
}

void addHalves(Table &table) {
  addComparisons<Half>(table, "f16");
  table["add.f16"] = handler([](Half a, Half b) { return toHalf(a + b); });
  table["sub.f16"] = handler([](Half a, Half b) { return toHalf(a - b); });
  table["mul.f16"] = handler([](Half a, Half b) { return toHalf(a * b); });
  table["fma.rn.f16"] =
      handler([](Half a, Half b, Half c) { return toHalf(std::fma(double(a), double(b), double(c))); });
  table["neg.f16"] = handler([](uint16_t a) { return uint16_t(a ^ 0x8000); });
  table["abs.f16"] = handler([](uint16_t a) { return uint16_t(a & 0x7fff); });
  table["cvt.rzi.f16.f16"] = handler([](Half a) { return toHalf(std::trunc(float(a))); });
  table["cvt.rni.f16.f16"] = handler([](Half a) { return toHalf(std::nearbyint(float(a))); });
  table["cvt.rmi.f16.f16"] = handler([](Half a) { return toHalf(std::floor(float(a))); });
  table["cvt.rpi.f16.f16"] = handler([](Half a) { return toHalf(std::ceil(float(a))); });
  addHalfConversions<int16_t>(table, "s16"), addHalfConversions<uint16_t>(table, "u16");
  addHalfConversions<int32_t>(table, "s32"), addHalfConversions<uint32_t>(table, "u32");
  addHalfConversions<int64_t>(table, "s64"), addHalfConversions<uint64_t>(table, "u64");
  addHalfConversions<float>(table, "f32"), addHalfConversions<double>(table, "f64");
}

//===-- Memory ----------------------------------------------------------------------------------------------------===//

enum class Space { any, parameters, global, shared, table };

template <typename T, Space space, bool writes>
void access(const Instruction &instruction, Warp &warp, uint32_t lanes) {
  Lanes room;
  size_t count = instruction.operands.size() - 1;
  const Operand &address = instruction.operands[writes ? 0 : count];
  const Lanes addresses = warp.values(address, room);
  if (space == Space::parameters && address.kind == Operand::reg) { // of a function
    const Lanes value = writes ? warp.values(instruction.operands[1], room) : addresses;
    Lanes &into = warp.registers[instruction.operands[0].value];
    return forEach(lanes, [&](int lane) { into[lane] = to<T>(from<T>(value[lane])); });
  }
  forEach(lanes, [&](int lane) {
    uint64_t at = addresses[lane] + (uint64_t)address.offset;
    if (space == Space::parameters) at += reinterpret_cast<uint64_t>(warp.parameters);
    if (at % (sizeof(T) * count)) throw Error("an address that is no multiple of what is accessed");
    if (space == Space::shared)
      at = warp.shared->touch(at, uint32_t(sizeof(T) * count), int32_t(warp.first) + lane, writes);
    if (space == Space::global && !(*warp.isOnDevice)(at, sizeof(T) * count))
      throw Error("an access outside of the device's memory by thread " + std::to_string(warp.first + lane));
    for (size_t i = 0; i < count; ++i) {
      auto *element = reinterpret_cast<T *>(at) + i;
      if (writes) {
        uint64_t value = warp.values(instruction.operands[1 + i], room)[lane];
        std::memcpy(element, &value, sizeof(T));
      } else if (uint64_t into = instruction.operands[i].value; into != noRegister) {
        warp.registers[into][lane] = uint64_t(int64_t(*element)); // of a signed type, with its sign
      }
    }
  });
}

template <typename T> void addAccesses(Table &table, const std::string &type) {
  table["ld.param." + type] = access<T, Space::parameters, false>;
  table["st.param." + type] = access<T, Space::parameters, true>;
  table["ld.global." + type] = table["ld.global.nc." + type] = access<T, Space::global, false>;
  table["st.global." + type] = access<T, Space::global, true>;
  table["ld.shared." + type] = access<T, Space::shared, false>;
  table["st.shared." + type] = access<T, Space::shared, true>;
  for (std::string load : {"ld.local.", "ld.const.", "ld."}) table[load + type] = access<T, Space::any, false>;
  for (std::string store : {"st.local.", "st."}) table[store + type] = access<T, Space::any, true>;
}

//===-- Lanes -----------------------------------------------------------------------------------------------------===//

enum class Exchange { up, down, butterfly, index };

template <Exchange kind> void shuffle(const Instruction &instruction, Warp &warp, uint32_t lanes) {
  Lanes rooms[4];
  const Lanes value = warp.values(instruction.operands[1], rooms[0]);
  const Lanes &by = warp.values(instruction.operands[2], rooms[1]),
              &clamp = warp.values(instruction.operands[3], rooms[2]);
  if (uint32_t(warp.values(instruction.operands[4], rooms[3])[0]) != ~0u || lanes != ~0u)
    throw Error("an exchange among all lanes of a warp, of which some are elsewhere");
  for (int lane = 0; lane < warpLanes; ++lane) {
    int b = by[lane] & 31, c = clamp[lane] & 31, segment = clamp[lane] >> 8 & 31;
    int most = (lane & segment) | (c & ~segment), least = lane & segment, other = lane;
    bool inside = true;
    if (kind == Exchange::up) inside = (other = lane - b) >= most;
    if (kind == Exchange::down) inside = (other = lane + b) <= most;
    if (kind == Exchange::butterfly) inside = (other = lane ^ b) <= most;
    if (kind == Exchange::index) inside = (other = least | (b & ~segment)) <= most;
    warp.registers[instruction.operands[0].value][lane] = value[inside ? other : lane];
  }
}

uint32_t toBf16(float value) { return std::isnan(value) ? 0x7fff : low(value); }

/// mma.sync.aligned.m16n8k16.row.col: what each lane's registers hold is in 9.7.15.5.8.
void multiplyMatrices(const Instruction &instruction, Warp &warp, uint32_t lanes) {
  if (lanes != ~0u) throw Error("a product of all lanes of a warp, of which some are elsewhere");
  float a[16][16], b[16][8];
  auto pair = [&](int operand, int lane, int half) {
    Lanes room;
    return wide(uint16_t(warp.values(instruction.operands[operand], room)[lane] >> 16 * half));
  };
  for (int lane = 0; lane < warpLanes; ++lane) {
    int group = lane / 4, column = lane % 4 * 2;
    for (int half : {0, 1}) {
      for (int i = 0; i < 4; ++i) a[group + i % 2 * 8][column + half + i / 2 * 8] = pair(4 + i, lane, half);
      for (int i = 0; i < 2; ++i) b[column + half + i * 8][group] = pair(8 + i, lane, half);
    }
  }
  for (int i = 0; i < 4; ++i) {
    Lanes room;
    const Lanes sums = warp.values(instruction.operands[10 + i], room);
    for (int lane = 0; lane < warpLanes; ++lane) {
      auto sum = from<float>(sums[lane]);
      for (int k = 0; k < 16; ++k) sum += a[lane / 4 + i / 2 * 8][k] * b[k][lane % 4 * 2 + i % 2];
      warp.registers[instruction.operands[i].value][lane] = to(sum);
    }
  }
}

template <typename Half> void split(const Instruction &instruction, Warp &warp, uint32_t lanes) {
  Lanes room;
  const Lanes value = warp.values(instruction.operands[2], room);
  forEach(lanes, [&](int lane) {
    for (int half : {0, 1})
      if (uint64_t into = instruction.operands[half].value; into != noRegister)
        warp.registers[into][lane] = Half(value[lane] >> 8 * sizeof(Half) * half);
  });
}

template <typename T> T extracted(T a, uint32_t at, uint32_t bits) {
  at &= 255, bits &= 255;
  T from = at < 8 * sizeof(T) ? T(a >> at) : T(0);
  return bits < 8 * sizeof(T) ? T(from & ((T(1) << bits) - 1)) : from;
}

Table tableOfHandlers() {
  Table table;
  addIntegers<int16_t>(table, "s16"), addIntegers<uint16_t>(table, "u16");
  addIntegers<int32_t>(table, "s32"), addIntegers<uint32_t>(table, "u32");
  addIntegers<int64_t>(table, "s64"), addIntegers<uint64_t>(table, "u64");
  addBits<bool>(table, "pred");
  addBits<uint16_t>(table, "b16"), addBits<uint32_t>(table, "b32"), addBits<uint64_t>(table, "b64");
  table["mov.u32"] = table["mov.b32"], table["mov.u64"] = table["mov.b64"], table["mov.u16"] = table["mov.b16"];
  for (const char *cast : {"cvta.to.global.u64", "cvta.to.shared.u64", "cvta.to.local.u64", "cvta.local.u64",
                           "cvta.global.u64", "cvta.shared.u64"})
    table[cast] = table["mov.b64"];
  addCarries(table);
  addReals<float>(table, "f32"), addReals<double>(table, "f64");
  addConversions<int8_t>(table, "s8"), addConversions<uint8_t>(table, "u8");
  addConversions<int16_t>(table, "s16"), addConversions<uint16_t>(table, "u16");
  addConversions<int32_t>(table, "s32"), addConversions<uint32_t>(table, "u32");
  addConversions<int64_t>(table, "s64"), addConversions<uint64_t>(table, "u64");
  addConversions<float>(table, "f32"), addConversions<double>(table, "f64");
  addHalves(table);
  table["cvt.rn.bf16.f32"] = handler([](float a) { return uint16_t(toBf16(a)); });
  table["cvt.rn.bf16x2.f32"] = handler([](float high, float low) { return toBf16(high) << 16 | toBf16(low); });
  for (const char *unsigned_ : {"b8", "u8"}) addAccesses<uint8_t>(table, unsigned_);
  addAccesses<int8_t>(table, "s8"), addAccesses<int16_t>(table, "s16");
  for (const char *bits : {"b16", "u16"}) addAccesses<uint16_t>(table, bits);
  for (const char *bits : {"b32", "u32", "s32", "f32"}) addAccesses<uint32_t>(table, bits);
  for (const char *bits : {"b64", "u64", "s64", "f64"}) addAccesses<uint64_t>(table, bits);
  table["shfl.sync.up.b32"] = shuffle<Exchange::up>;
  table["shfl.sync.down.b32"] = shuffle<Exchange::down>;
  table["shfl.sync.bfly.b32"] = shuffle<Exchange::butterfly>;
  table["shfl.sync.idx.b32"] = shuffle<Exchange::index>;
  table["mov.split.b64"] = split<uint32_t>, table["mov.split.b32"] = split<uint16_t>;
  table["mov.join.b64"] = handler([](uint32_t low, uint32_t high) { return uint64_t(high) << 32 | low; });
  table["mov.join.b32"] = handler([](uint16_t low, uint16_t high) { return uint32_t(high) << 16 | low; });
  table["mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"] = multiplyMatrices;
  table["bfe.u32"] = handler([](uint32_t a, uint32_t at, uint32_t bits) { return extracted(a, at, bits); });
  table["bfe.u64"] = handler([](uint64_t a, uint32_t at, uint32_t bits) { return extracted(a, at, bits); });
  table["bfe.s32"] = handler([](int32_t a, uint32_t at, uint32_t bits) {
    bits = at > 31 ? 0 : std::min(bits & 255, 32 - at); // beyond the last bit stands the sign
    return bits ? int32_t(uint32_t(a) << (32 - at - bits)) >> (32 - bits) : 0;
  });
  table["shf.l.wrap.b32"] = handler([](uint32_t low, uint32_t high, uint32_t by) {
    return uint32_t((uint64_t(high) << 32 | low) << (by & 31) >> 32);
  });
  table["shf.r.wrap.b32"] = handler(
      [](uint32_t low, uint32_t high, uint32_t by) { return uint32_t((uint64_t(high) << 32 | low) >> (by & 31)); });
  return table;
}

} // namespace

Handler handlerOf(std::string opcode) {
  static const Table table = tableOfHandlers();
  if (size_t at = opcode.find(".ftz"); at != std::string::npos) opcode.erase(at, 4);
  auto found = table.find(opcode);
  if (found == table.end()) throw Error("the emulator has no " + opcode);
  return found->second;
}

} // namespace fovea::ptx
