// Whole files: round trip, atomic replacement, errors.
#include "formats/File.h"

#include "../TemporaryFolder.h"

#include <csignal>
#include <sys/resource.h>
#include <unistd.h>

namespace fovea::formats {
namespace {

using testing::HasSubstr;

class FileTest : public TemporaryFolder {};

std::string text(const Bytes &bytes) { return {bytes.begin(), bytes.end()}; }

TEST_F(FileTest, WritesAndReads) {
  writeFile(folder / "a", "one");
  EXPECT_EQ(text(readFile(folder / "a")), "one");
  writeFile(folder / "a", "");
  EXPECT_EQ(text(readFile(folder / "a")), "");
  EXPECT_EQ(fileCount(), 1u);
}

TEST_F(FileTest, RelativePathWithoutFolder) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder);
  writeFile("plain", "text");
  std::filesystem::current_path(before);
  EXPECT_EQ(text(readFile(folder / "plain")), "text");
}

TEST_F(FileTest, FailedWriteLeavesNothing) {
  EXPECT_THAT(errorOf([&] { writeFile(folder / "none" / "a", "text"); }),
              HasSubstr("none/a: cannot make a file in this folder: No such file"));
  std::filesystem::create_directory(folder / "taken");
  EXPECT_THAT(errorOf([&] { writeFile(folder / "taken", "text"); }), HasSubstr("taken: cannot take this name"));
  EXPECT_EQ(fileCount(), 1u);
}

TEST_F(FileTest, InterruptedWriteKeepsTheOldFile) {
  writeFile(folder / "a", "old");
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small{100, before.rlim_max};
  auto *handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message = errorOf([&] { writeFile(folder / "a", std::string(1000, 'x')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("a: cannot write: File too large"));
  EXPECT_EQ(text(readFile(folder / "a")), "old");
  EXPECT_EQ(fileCount(), 1u);
}

TEST_F(FileTest, ReadErrors) {
  EXPECT_THAT(errorOf([&] { readFile(folder / "none"); }), HasSubstr("none: cannot open: No such file"));
  EXPECT_THAT(errorOf([&] { readFile(folder); }), HasSubstr("is not a regular file: name a file to read"));
}

TEST_F(FileTest, MakesFolders) {
  makeFolder(folder / "a" / "b");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a" / "b"));
  makeFolder(folder / "a" / "b");
  writeFile(folder / "file", "text");
  EXPECT_THAT(errorOf([&] { makeFolder(folder / "file"); }),
              HasSubstr("file: cannot make this folder: Not a directory"));
  EXPECT_THAT(errorOf([&] { makeFolder(folder / "file" / "below"); }), HasSubstr("below: cannot make this folder"));
  if (::geteuid() == 0) return; // root may write everywhere
  std::filesystem::permissions(folder / "a", std::filesystem::perms::owner_read | std::filesystem::perms::owner_exec);
  EXPECT_THAT(errorOf([&] { makeFolder(folder / "a"); }),
              HasSubstr("a: cannot write in this folder: Permission denied"));
}

} // namespace
} // namespace fovea::formats
