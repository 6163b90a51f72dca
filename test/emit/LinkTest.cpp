// Linking: what is exported, and what is said where a tool is missing or fails.
#include "lib/emit/Link.h"
#include "lib/emit/Files.h"
#include "test/TemporaryFolder.h"

#include "llvm/Object/ELFObjectFile.h"

#include <fstream>
#include <set>

using namespace fovea;
using testing::HasSubstr;

namespace {

class LinkTest : public TemporaryFolder {
protected:
  std::string object(const std::string &source) {
    std::ofstream(folder / "source.c") << source;
    EXPECT_EQ(std::system(
                  ("cc -fPIC -c -o " + (folder / "source.o").string() + " " + (folder / "source.c").string()).c_str()),
              0);
    auto bytes = readFile((folder / "source.o").string());
    EXPECT_TRUE(bool(bytes));
    return *bytes;
  }
};

std::set<std::string> definedGlobals(const std::string &bytes, bool dynamic) {
  auto object = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(bytes, ""));
  EXPECT_TRUE(bool(object));
  auto *elf = llvm::cast<llvm::object::ELFObjectFileBase>(object->get());
  std::set<std::string> names;
  for (const llvm::object::SymbolRef &symbol : dynamic ? elf->getDynamicSymbolIterators() : elf->symbols()) {
    uint32_t flags = *symbol.getFlags();
    if ((flags & llvm::object::SymbolRef::SF_Global) && !(flags & llvm::object::SymbolRef::SF_Undefined))
      names.insert(symbol.getName()->str());
  }
  return names;
}

const char *model = "int fovea_kernel(void) { return 1; }\nint m_forward(void) { return fovea_kernel(); }\n";

TEST_F(LinkTest, OnlyTheModelsFunctionsStayGlobal) {
  std::vector<ObjectFile> objects = {{"model.o", object(model)}, {"runtime.o", runtimeObject().str()}};
  for (bool checks : {false, true}) {
    if (checks) objects.push_back({"halide.o", halideRuntimeObject().str()});
    auto joined = joinObjects(objects, {"m_forward"});
    ASSERT_TRUE(bool(joined)) << llvm::toString(joined.takeError());
    EXPECT_EQ(definedGlobals(*joined, false), std::set<std::string>{"m_forward"});
    auto shared = sharedLibraryOf(*joined, "m.so", {"m_forward"});
    ASSERT_TRUE(bool(shared)) << llvm::toString(shared.takeError());
    EXPECT_EQ(definedGlobals(*shared, true), std::set<std::string>{"m_forward"});
  }
}

TEST_F(LinkTest, TheSameInputGivesTheSameBytes) {
  std::string bytes = object(model);
  auto once = joinObjects({{"model.o", bytes}}, {"m_forward"}),
       twice = joinObjects({{"model.o", bytes}}, {"m_forward"});
  EXPECT_EQ(*once, *twice);
  EXPECT_EQ(*archiveOf(*once, "m.o"), *archiveOf(*twice, "m.o"));
  EXPECT_EQ(*sharedLibraryOf(*once, "m.so", {"m_forward"}), *sharedLibraryOf(*twice, "m.so", {"m_forward"}));
}

TEST_F(LinkTest, AMissingToolIsNamedWithItsPackage) {
  std::string bytes = object(model), path = std::getenv("PATH");
  setenv("PATH", folder.c_str(), 1);
  auto joined = joinObjects({{"model.o", bytes}}, {"m_forward"});
  auto shared = sharedLibraryOf(bytes, "m.so", {"m_forward"});
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(llvm::toString(joined.takeError()),
            "linking needs 'ld', which is not in the PATH: install the package binutils");
  EXPECT_EQ(llvm::toString(shared.takeError()),
            "linking needs 'cc', which is not in the PATH: install the package gcc");
}

TEST_F(LinkTest, WhatAFailingToolSaysIsInTheError) {
  auto joined = joinObjects({{"model.o", "no object"}}, {"m_forward"});
  ASSERT_FALSE(bool(joined));
  EXPECT_THAT(llvm::toString(joined.takeError()),
              testing::AllOf(HasSubstr("failed with exit status 1"), HasSubstr("0.o")));
}

TEST_F(LinkTest, SymbolsThatNothingDefinesAreAnError) {
  auto joined = joinObjects({{"model.o", object("int missing(void);\nint m_forward(void) { return missing(); }\n")}},
                            {"m_forward"});
  ASSERT_TRUE(bool(joined));
  auto shared = sharedLibraryOf(*joined, "m.so", {"m_forward"});
  ASSERT_FALSE(bool(shared));
  EXPECT_THAT(llvm::toString(shared.takeError()), HasSubstr("missing"));
}

class WriteFileTest : public TemporaryFolder {};

TEST_F(WriteFileTest, ReplacesWhole) {
  std::string path = (folder / "file").string();
  for (const char *text : {"a longer text", "short"}) {
    EXPECT_FALSE(bool(writeFile(path, text)));
    EXPECT_EQ(*readFile(path), text);
  }
  EXPECT_EQ(fileCount(), 1u);
}

TEST_F(WriteFileTest, SaysTheSystemsReason) {
  EXPECT_THAT(llvm::toString(writeFile((folder / "none" / "file").string(), "")),
              HasSubstr("No such file or directory"));
  EXPECT_THAT(llvm::toString(writeFile(folder.string(), "")), HasSubstr("cannot write '"));
  EXPECT_THAT(llvm::toString(writeFile("/proc/file", "")), HasSubstr("cannot write '/proc/file'"));
  std::ofstream(folder / "file") << "text";
  EXPECT_THAT(llvm::toString(makeFolder((folder / "file").string())), HasSubstr("Not a directory"));
  EXPECT_EQ(fileCount(), 1u);
}

} // namespace
