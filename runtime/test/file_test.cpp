//===- file_test.cpp - files appear whole or not at all -------------------===//

#include "reader_test_util.h"

#include <csignal>
#include <sys/resource.h>

using namespace peft;
using namespace peft::test;

TEST(File, AtomicWriteReplacesAndLeavesNothingElse) {
  TemporaryDirectory dir;
  dir.write("a", "old");
  dir.write("a", "new");
  EXPECT_EQ(*readWholeFile(dir.file("a")), "new");
  EXPECT_EQ(listDirectory(dir.path)->size(), 1u);
}

TEST(File, WithoutCommitNothingIsLeft) {
  TemporaryDirectory dir;
  dir.write("a", "old");
  {
    Result<AtomicFile> file = AtomicFile::create(dir.file("a"));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("half"));
    EXPECT_EQ(listDirectory(dir.path)->size(), 2u);
  }
  EXPECT_EQ(*readWholeFile(dir.file("a")), "old");
  EXPECT_EQ(listDirectory(dir.path)->size(), 1u);
}

TEST(File, FullDiskIsAnErrorAndLeavesNothing) {
  TemporaryDirectory dir;
  dir.write("a", "old");
  // A limit on file sizes stands for the full disk: write fails in the middle.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = {4096, before.rlim_max};
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  Status status = writeFileAtomically(dir.file("a"), std::string(100000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  expectError(status, "cannot write '" + dir.file("a") + "'");
  EXPECT_EQ(*readWholeFile(dir.file("a")), "old");
  EXPECT_EQ(listDirectory(dir.path)->size(), 1u);
}

TEST(File, MapsAndMoves) {
  TemporaryDirectory dir;
  Result<MappedFile> opened = MappedFile::open(dir.write("a", "text"));
  ASSERT_TRUE(opened);
  MappedFile moved = std::move(*opened);
  EXPECT_EQ(moved.text(), "text");
  EXPECT_EQ(MappedFile::open(dir.write("empty", ""))->size(), 0u);
}

TEST(File, ErrorsNameThePath) {
  TemporaryDirectory dir;
  expectError(MappedFile::open(dir.file("none")), dir.file("none") + "': No such file");
  expectError(MappedFile::open(dir.path), "expected a file, got a directory");
  expectError(readWholeFile(dir.write("long", "12345"), 4), "at most 4");
  expectError(writeFileAtomically(dir.file("no/such"), "x"), "cannot create");
  expectError(makeDirectories(dir.file("long/x")), "cannot create directory");
}

TEST(File, ReplacingLeavesTheNewOneAlone) {
  TemporaryDirectory dir;
  for (const char *name : {"new", "old"}) {
    ASSERT_TRUE(makeDirectories(dir.file(name)));
    dir.write(std::string(name) + "/" + name, "x");
  }
  ASSERT_TRUE(replacePath(dir.file("new"), dir.file("old")));
  EXPECT_TRUE(isFile(dir.file("old/new")));
  ASSERT_TRUE(replacePath(dir.file("old"), dir.file("fresh")));
  EXPECT_EQ(*listDirectory(dir.path), std::vector<std::string>{"fresh"});
  EXPECT_EQ(*listDirectory(dir.file("fresh")), std::vector<std::string>{"new"});
}

TEST(File, AskingWhetherAFolderCanBeWrittenLeavesNothing) {
  TemporaryDirectory dir;
  EXPECT_TRUE(checkWritable(dir.file("a/b/c")));
  EXPECT_TRUE(checkWritable(dir.path));
  EXPECT_TRUE(listDirectory(dir.path)->empty());
  expectError(checkWritable("/proc/nowhere"), "/proc/nowhere");
  dir.write("file", "x");
  expectError(checkWritable(dir.file("file/below")), "below");
}

TEST(File, DirectoriesAreMadeRenamedAndRemoved) {
  TemporaryDirectory dir;
  ASSERT_TRUE(makeDirectories(dir.file("a/b")));
  ASSERT_TRUE(makeDirectories(dir.file("a/b")));
  dir.write("a/b/c", "x");
  ASSERT_TRUE(renamePath(dir.file("a"), dir.file("z")));
  EXPECT_TRUE(isFile(dir.file("z/b/c")));
  ASSERT_TRUE(removePath(dir.file("z")));
  EXPECT_FALSE(isDirectory(dir.file("z")));
  EXPECT_TRUE(removePath(dir.file("z")));
}
