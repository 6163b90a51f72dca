// The constant tables of lib/runtime/program.h, as LLVM constants. Equal tables are one.
#pragma once

#include "lib/emit/HostProgram.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/Module.h"

namespace fovea {

/// Builds tables in an LLVM module. `sizes` are the model's, over which every affine row runs.
class Tables {
public:
  Tables(llvm::Module &module, ArrayRef<mlir::StringAttr> sizes) : module(module), sizes(sizes) {}

  /// The address of a constant with this value.
  llvm::Constant *addressOf(llvm::Constant *value);
  llvm::Constant *integer(int64_t value, unsigned bits = 64) const;
  llvm::Constant *string(StringRef text);
  llvm::Constant *integers(ArrayRef<int64_t> values);
  /// A fovea_model, with a host function for each of a program's entries.
  llvm::Constant *model(const Interface &interface, ArrayRef<TargetProgram> programs,
                        ArrayRef<SmallVector<llvm::Function *>> functions);
  /// Affine rows, one for each expression; they have been checked to be affine.
  SmallVector<int64_t> rows(DimsAttr expressions) const;
  /// The index of its view in the model's table.
  int64_t view(BufferType type);

private:
  llvm::Constant *array(ArrayRef<llvm::Constant *> values);
  llvm::Constant *record(ArrayRef<llvm::Constant *> fields) const;
  llvm::Constant *real(double value) const;
  llvm::Constant *state(StateOp state);
  llvm::Constant *argument(const Argument &argument);
  llvm::Constant *entry(const Entry &entry, llvm::Function *function);
  llvm::Constant *program(const Interface &interface, const TargetProgram &program,
                          ArrayRef<llvm::Function *> functions);
  SmallVector<int64_t> largestBytes(const TargetProgram &program) const;

  llvm::Module &module;
  ArrayRef<mlir::StringAttr> sizes;
  llvm::MapVector<llvm::Constant *, int64_t> views;
  llvm::DenseMap<llvm::Constant *, llvm::Constant *> known; // constants are unique, so equal values are equal keys
};

/// Bytes from the start of a state tensor's storage to its end.
int64_t storageBytes(StateOp state);
/// Bytes of the whole state region.
int64_t stateBytes(ArrayRef<StateOp> state);

/// An affine row that bounds the arena of every entry point.
SmallVector<int64_t> arenaBytes(mlir::ModuleOp module, ArrayRef<mlir::StringAttr> sizes);
/// The most that the arguments of an entry point take on a device, likewise.
SmallVector<int64_t> argumentBytes(mlir::MLIRContext *context, const Interface &interface);

} // namespace fovea
