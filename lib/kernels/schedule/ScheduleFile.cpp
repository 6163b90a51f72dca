// Files of measured schedules.
#include "lib/kernels/schedule/ScheduleFile.h"

#include "lib/kernels/schedule/Schedule.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;

namespace fovea {

static constexpr StringRef heading = "fovea schedules 1";

std::string kernelKey(KernelOp kernel) {
  OwningOpRef<KernelOp> bare = kernel.clone();
  bare->removeScheduleAttr();
  auto digest = llvm::SHA256::hash(llvm::arrayRefFromStringRef(bare->text()));
  return llvm::toHex(ArrayRef<uint8_t>(digest).take_front(10), true);
}

//===-- Reading ---------------------------------------------------------------------------------------------------===//

FailureOr<ScheduleFile> ScheduleFile::readOrMake(StringRef path, MLIRContext *context) {
  return llvm::sys::fs::exists(path) ? read(path, context) : ScheduleFile(path, context);
}

FailureOr<ScheduleFile> ScheduleFile::read(StringRef path, MLIRContext *context) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return emitError(UnknownLoc::get(context), "cannot read '" + path + "': " + buffer.getError().message()), failure();
  ScheduleFile file(path, context);
  auto [first, rest] = (*buffer)->getBuffer().split('\n');
  if (first.rtrim() != heading)
    return file.error(0) << "this is no file of schedules: its first line must be '" << heading
                         << "', as foveac --tune writes it",
           failure();
  while (!rest.empty()) {
    auto [line, next] = rest.split('\n');
    if (failed(file.add(line.rtrim()))) return failure();
    rest = next;
  }
  return file;
}

/// `line` counts from 0, the heading.
InFlightDiagnostic ScheduleFile::error(size_t line) const {
  return emitError(FileLineColLoc::get(context, path, line + 1, 1));
}

/// The attribute, or why it is none.
static std::pair<ScheduleAttr, std::string> parseSchedule(StringRef text, MLIRContext *context) {
  std::string why = "it is another attribute"; // where nothing else is wrong
  ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) { why = diagnostic.str(); });
  return {dyn_cast_or_null<ScheduleAttr>(parseAttribute(text, context)), why};
}

LogicalResult ScheduleFile::add(StringRef text) {
  size_t number = lines.size() + 1;
  lines.push_back({text.str(), {}});
  if (text.trim().empty() || text.starts_with("//")) return success();
  auto [kernel, rest] = text.split(' ');
  auto [target, attribute] = rest.ltrim().split(' ');
  if (attribute.trim().empty() || !llvm::all_of(kernel, llvm::isHexDigit))
    return error(number) << "a line must be KERNEL TARGET #fovea.schedule<...>, where KERNEL is the hexadecimal number "
                            "that foveac --tune writes, or a comment after '//'";
  if (auto parsed = parseTargets(target); !parsed) return error(number) << llvm::toString(parsed.takeError());
  auto [schedule, why] = parseSchedule(attribute.trim(), context);
  if (!schedule) return error(number) << "'" << attribute.trim() << "' is no #fovea.schedule: " << why;
  auto [at, fresh] = known.try_emplace(Key(kernel.str(), target.str()), lines.size() - 1);
  if (!fresh)
    return error(number) << "a second schedule of kernel " << kernel << " for " << target << ": the first is in line "
                         << at->second + 2 << "; remove one of them";
  lines.back().schedule = schedule;
  return success();
}

//===-- Use -------------------------------------------------------------------------------------------------------===//

LogicalResult ScheduleFile::apply(ModuleOp module, const Target &target) const {
  bool any = false;
  for (KernelOp kernel : module.getOps<KernelOp>()) {
    auto found = known.find({kernelKey(kernel), target.name});
    if (found == known.end()) continue;
    any = true;
    kernel.setScheduleAttr(lines[found->second].schedule);
    if (failed(checkSchedule(kernel, target)))
      return error(found->second + 1) << "this is the schedule of @" << kernel.getSymName()
                                      << ": correct it, or remove the line";
  }
  if (!any)
    emitWarning(UnknownLoc::get(context)) << "no schedule in '" << path << "' is for a kernel of this model and "
                                          << target.name << ": measure some with --tune";
  return success();
}

void ScheduleFile::set(StringRef kernel, StringRef target, ScheduleAttr schedule, StringRef comment) {
  std::string text;
  llvm::raw_string_ostream(text) << kernel << " " << target << " " << Attribute(schedule) << " // " << comment;
  auto [at, fresh] = known.try_emplace(Key(kernel.str(), target.str()), lines.size());
  if (fresh) lines.emplace_back();
  lines[at->second] = {text, schedule};
}

std::string ScheduleFile::text() const {
  std::string all = heading.str() + "\n";
  for (const Line &line : lines) all += line.text + "\n";
  return all;
}

} // namespace fovea
