// Runs the system's linker tools on files in a temporary folder.
#include "lib/emit/Link.h"

#include "lib/emit/Files.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Support/Program.h"

using llvm::ArrayRef;
using llvm::createStringError;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;

namespace fovea {

/// Runs a program of the PATH; its error holds what the program said.
static Error run(StringRef tool, StringRef package, ArrayRef<std::string> arguments, const PrivateFolder &folder) {
  auto path = llvm::sys::findProgramByName(tool);
  if (!path)
    return createStringError("linking needs '" + tool + "', which is not in the PATH: install the package " + package);
  llvm::SmallVector<StringRef> words = {*path};
  words.append(arguments.begin(), arguments.end());
  std::string messages = folder.path("messages"), reason;
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(messages), StringRef(messages)};
  bool failed = false;
  int status = llvm::sys::ExecuteAndWait(*path, words, std::nullopt, redirects, 0, 0, &reason, &failed);
  if (status == 0) return Error::success();
  if (failed || status < 0) return createStringError("'" + *path + "' could not be run to its end: " + reason);
  auto said = readFile(messages);
  std::string text = said ? StringRef(*said).trim().str() : llvm::toString(said.takeError());
  return createStringError("'" + *path + "' failed with exit status " + std::to_string(status) + ": " + text);
}

static std::string lines(ArrayRef<std::string> words, StringRef after) {
  std::string text;
  for (const std::string &word : words) text += word + after.str() + "\n";
  return text;
}

Expected<std::string> joinObjects(ArrayRef<ObjectFile> objects, ArrayRef<std::string> exported) {
  auto folder = PrivateFolder::create();
  if (!folder) return folder.takeError();
  // -S: the objects' debug information is about Fovea's sources, not about the user's.
  std::string joined = folder->path("joined"), symbols = folder->path("symbols");
  llvm::SmallVector<std::string> arguments = {"-r", "-S",  "--force-group-allocation", "-z", "noexecstack",
                                              "-o", joined};
  for (auto [index, object] : llvm::enumerate(objects)) {
    arguments.push_back(folder->path(std::to_string(index) + ".o"));
    if (Error error = writeFile(arguments.back(), object.bytes)) return error;
  }
  if (Error error = run("ld", "binutils", arguments, *folder)) return error;
  if (Error error = writeFile(symbols, lines(exported, ""))) return error;
  if (Error error = run("objcopy", "binutils", {"--keep-global-symbols=" + symbols, joined}, *folder)) return error;
  return readFile(joined);
}

Expected<std::string> archiveOf(StringRef object, StringRef member) {
  llvm::NewArchiveMember file(llvm::MemoryBufferRef(object, member));
  auto archive = llvm::writeArchiveToBuffer(file, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                                            true, false);
  if (!archive) return archive.takeError();
  return (*archive)->getBuffer().str();
}

Expected<std::string> sharedLibraryOf(StringRef object, StringRef fileName, ArrayRef<std::string> exported) {
  auto folder = PrivateFolder::create();
  if (!folder) return folder.takeError();
  std::string input = folder->path("model.o"), version = folder->path("version"), output = folder->path("model.so");
  if (Error error = writeFile(input, object)) return error;
  if (Error error = writeFile(version, "{ global:\n" + lines(exported, ";") + "local: *; };\n")) return error;
  llvm::SmallVector<std::string> arguments = {"-shared",
                                              "-o",
                                              output,
                                              input,
                                              "-Wl,--version-script=" + version,
                                              "-Wl,-soname," + fileName.str(),
                                              "-Wl,-z,noexecstack",
                                              "-Wl,-z,defs",
                                              "-Wl,--gc-sections",
                                              "-pthread",
                                              "-lm",
                                              "-ldl"};
  if (Error error = run("cc", "gcc", arguments, *folder)) return error;
  return readFile(output);
}

Expected<uint64_t> codeBytes(StringRef bytes) {
  auto object = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(bytes, "object"));
  if (!object) return object.takeError();
  uint64_t size = 0;
  for (const llvm::object::SectionRef &section : (*object)->sections())
    if (section.isText()) size += section.getSize();
  return size;
}

} // namespace fovea
