// A suite on disk, for machines without the compiler: record.json says which calls to make of ops.so, and where in
// data.bin the arguments and the wanted results are. test/gpu/ops.py reads it.
#pragma once

#include "test/ops/Case.h"
#include "test/ops/Library.h"

#include "llvm/Support/JSON.h"

namespace fovea::ops {

class Recording {
public:
  Recording(std::string folder, int64_t batch) : folder(std::move(folder)), batch(batch) {}

  void parameter(StringRef name, const Bytes &values) { parameters.push_back(tensor(name, values)); }
  /// The arguments and gradients that follow are those of this entry point, which takes so many sizes, each the batch.
  void begin(StringRef entry, size_t sizes) {
    entries.push_back(llvm::json::Object{{"name", entry.str()},
                                         {"sizes", (int64_t)sizes},
                                         {"arguments", llvm::json::Array()},
                                         {"gradients", llvm::json::Array()}});
  }
  /// An input's values, or an output's that are wanted.
  void argument(const Argument &argument, const Bytes &values, const Bound &bound) {
    llvm::json::Object described = checked(argument.name, elementKind(argument.type.getElementType()), values, bound);
    described["role"] = argument.role == FOVEA_OUTPUT ? "output" : argument.role == FOVEA_SCALAR ? "scalar" : "input";
    list("arguments").push_back(std::move(described));
  }
  void gradient(StringRef name, const ElementKind &kind, const Bytes &values, const Bound &bound) {
    list("gradients").push_back(checked(name, kind, values, bound));
  }
  void write() const;

private:
  llvm::json::Array &list(StringRef name) { return *entries.back().getAsObject()->getArray(name); }
  llvm::json::Object tensor(StringRef name, const Bytes &values) {
    llvm::json::Object result{
        {"name", name.str()}, {"offset", (int64_t)data.size()}, {"bytes", (int64_t)values.size()}};
    data.insert(data.end(), values.begin(), values.end());
    return result;
  }
  llvm::json::Object checked(StringRef name, const ElementKind &kind, const Bytes &values, const Bound &bound) {
    llvm::json::Object result = tensor(name, values);
    result["dtype"] = kind.name;
    result["relative"] = bound.f32;
    result["floor"] = bound.floor;
    return result;
  }

  std::string folder;
  int64_t batch;
  llvm::json::Array parameters, entries;
  Bytes data;
};

} // namespace fovea::ops
