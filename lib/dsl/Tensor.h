// Element types, sizes and tensors: the values a model is written with. All of them belong to one Model and may not
// outlive it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include <fovea/Site.h>

namespace fovea {

namespace dsl {
struct Program;
}

/// f16 and bf16 are stored in two bytes and computed with in f32; i8 and u8 are stored, moved and cast.
enum class DType { f32, f64, i32, i64, boolean, f16, bf16, u8, i8 };
inline constexpr DType f32 = DType::f32, f64 = DType::f64, f16 = DType::f16, bf16 = DType::bf16;
inline constexpr DType i32 = DType::i32, i64 = DType::i64, i8 = DType::i8, u8 = DType::u8;
constexpr bool isFloat(DType dtype) { return dtype == f32 || dtype == f64 || dtype == f16 || dtype == bf16; }

/// A size: a number, or an expression over the model's symbols, such as `batch * 16`.
class Dim {
public:
  Dim(int64_t number) : number(number) {}
  /// The number, or nothing if the size depends on a symbol.
  std::optional<int64_t> constant() const;

  /// Whether both are the same expression, simplified.
  friend bool operator==(const Dim &a, const Dim &b) {
    return a.program == b.program && a.expression == b.expression && a.number == b.number;
  }
  friend bool operator!=(const Dim &a, const Dim &b) { return !(a == b); }

private:
  friend struct dsl::Program;
  Dim(dsl::Program *program, const void *expression) : program(program), expression(expression) {}
  dsl::Program *program = nullptr;
  const void *expression = nullptr;
  int64_t number = 0;
};

using Shape = std::vector<Dim>;

/// A size as an operand: it knows the line it was written on.
struct LocatedDim {
  Dim dim;
  Site site;
  LocatedDim(const Dim &dim, Site site = Site::here()) : dim(dim), site(site) {}
  LocatedDim(int64_t number, Site site = Site::here()) : dim(number), site(site) {}
};

Dim operator+(LocatedDim a, LocatedDim b);
Dim operator-(LocatedDim a, LocatedDim b);
Dim operator*(LocatedDim a, LocatedDim b);
/// The quotient, rounded down. The divisor must be a positive number.
Dim operator/(LocatedDim a, LocatedDim b);

/// A value of the model's program: a handle, cheap to copy. An empty one may be assigned to but not computed with.
class Tensor {
public:
  Tensor() = default;
  Shape shape(Site site = Site::here()) const;
  /// The size along an axis; negative axes count from the end.
  Dim dim(int64_t axis, Site site = Site::here()) const;
  int64_t rank(Site site = Site::here()) const;
  DType dtype(Site site = Site::here()) const;

private:
  friend struct dsl::Program;
  Tensor(dsl::Program *program, void *value) : program(program), value(value) {}
  dsl::Program *program = nullptr;
  void *value = nullptr;
};

/// A tensor as an operand: it captures the line of the call. A function of the author's that takes Located and passes
/// it on is named by its caller's line.
struct Located {
  Tensor tensor;
  Site site;
  Located(const Tensor &tensor, Site site = Site::here()) : tensor(tensor), site(site) {}
  operator const Tensor &() const { return tensor; }
};

/// A tensor or a number; a number takes the other operand's element type and broadcasts.
struct Operand {
  std::optional<double> number;
  Tensor tensor;
  Site site;
  Operand(const Tensor &tensor, Site site = Site::here()) : tensor(tensor), site(site) {}
  Operand(const Located &located) : tensor(located.tensor), site(located.site) {}
  Operand(double number, Site site = Site::here()) : number(number), site(site) {}
};

/// Axes to reduce over: one, several, or by default all. Negative axes count from the end.
struct Axes {
  std::optional<std::vector<int64_t>> listed;
  Axes() = default;
  Axes(int64_t axis) : listed(std::vector<int64_t>{axis}) {}
  Axes(std::initializer_list<int64_t> axes) : listed(axes) {}
};

} // namespace fovea
