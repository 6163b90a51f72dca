// The kernel cache: what is stored comes back; what was damaged does not.
#include "lib/emit/Cache.h"
#include "test/TemporaryFolder.h"

#include <fstream>

using namespace fovea;

namespace {

class CacheTest : public TemporaryFolder {
protected:
  CacheTest() { cache.store(code); }

  std::string bytes() const {
    std::ifstream stream(entry, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  void replace(const std::string &bytes) const { std::ofstream(entry, std::ios::binary) << bytes; }

  KernelCode code{"fovea_1", std::string("object\0code", 11), {640, 128}};
  std::filesystem::path entry = folder / "kernels" / "fovea_1.kernel";
  Cache cache{(folder / "kernels").string()};
};

TEST_F(CacheTest, FindsWhatWasStored) {
  auto found = cache.find("fovea_1");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->symbol, code.symbol);
  EXPECT_EQ(found->object, code.object);
  EXPECT_EQ(found->scratch.caller, 640);
  EXPECT_EQ(found->scratch.worker, 128);
  EXPECT_FALSE(cache.find("fovea_2"));
}

TEST_F(CacheTest, EveryTruncationIsDetected) {
  std::string whole = bytes();
  for (size_t length = 0; length < whole.size(); ++length) {
    replace(whole.substr(0, length));
    EXPECT_FALSE(cache.find("fovea_1")) << length;
  }
  replace(whole + "x");
  EXPECT_FALSE(cache.find("fovea_1"));
  replace(whole);
  EXPECT_TRUE(cache.find("fovea_1"));
}

TEST_F(CacheTest, EveryFlippedByteIsDetected) {
  std::string whole = bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    replace(damaged);
    EXPECT_FALSE(cache.find("fovea_1")) << at;
  }
}

TEST_F(CacheTest, AnEntryUnderAnotherNameIsDetected) {
  std::filesystem::rename(entry, folder / "kernels" / "fovea_2.kernel");
  EXPECT_FALSE(cache.find("fovea_2"));
}

TEST_F(CacheTest, AFolderThatCannotBeMadeOnlyDisablesTheCache) {
  std::ofstream(folder / "file") << "no folder";
  Cache unusable((folder / "file" / "cache").string());
  unusable.store(code);
  EXPECT_FALSE(unusable.find("fovea_1"));
  Cache none("");
  none.store(code);
  EXPECT_FALSE(none.find("fovea_1"));
}

TEST_F(CacheTest, LeavesNoTemporaryFile) {
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / "kernels"), {}), 1);
}

TEST(CacheFolder, FollowsTheEnvironment) {
  for (const char *name : {"FOVEA_CACHE", "XDG_CACHE_HOME", "HOME"}) unsetenv(name);
  EXPECT_EQ(Cache::defaultFolder(), "");
  setenv("HOME", "/home/a", 1);
  EXPECT_EQ(Cache::defaultFolder(), "/home/a/.cache/fovea");
  setenv("XDG_CACHE_HOME", "/caches", 1);
  EXPECT_EQ(Cache::defaultFolder(), "/caches/fovea");
  setenv("FOVEA_CACHE", "/own", 1);
  EXPECT_EQ(Cache::defaultFolder(), "/own");
}

TEST_F(CacheTest, LibrariesAreWholeOrAbsent) {
  EXPECT_FALSE(cache.findLibrary("m_1"));
  std::string path = (folder / "kernels" / "m_1.so").string();
  EXPECT_EQ(cache.storeLibrary("m_1", "library"), path);
  EXPECT_EQ(cache.findLibrary("m_1"), path);
  EXPECT_FALSE(cache.findLibrary("m_2"));
  std::ifstream file(path, std::ios::binary);
  std::string whole{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(whole.substr(0, 7), "library"); // loaders read it from the beginning
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    std::ofstream(path, std::ios::binary) << damaged;
    EXPECT_FALSE(cache.findLibrary("m_1")) << at;
    std::ofstream(path, std::ios::binary) << whole.substr(0, at);
    EXPECT_FALSE(cache.findLibrary("m_1")) << at;
  }
  std::filesystem::copy_file(entry, folder / "kernels" / "m_2.so");
  EXPECT_FALSE(cache.findLibrary("m_2"));
  EXPECT_FALSE(Cache("").storeLibrary("m_1", "library"));
  EXPECT_FALSE(Cache(path).storeLibrary("m_1", "library")); // a file, no folder
}

} // namespace
