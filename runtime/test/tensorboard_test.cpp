//===- tensorboard_test.cpp - event files, byte for byte ------------------===//

#include "fake_program.h"
#include "peft/runtime/file.h"
#include "peft/runtime/tensorboard.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace peft;

TEST(TensorBoard, ChecksumOfTheStandard) {
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
  const uint32_t crc = 0xe3069283u;
  EXPECT_EQ(maskedCrc32c("123456789"), uint32_t((crc >> 15 | crc << 17) + 0xa282ead8u));
}

TEST(TensorBoard, RecordsHoldVersionThenScalars) {
  const test::TemporaryFolder folder;
  auto writer = EventWriter::create(folder / "runs/a");
  ASSERT_TRUE(writer) << writer.status().message();
  ASSERT_TRUE(writer->scalar("train/loss", 1.5f, 300, 12.0));
  auto bytes = readWholeFile(writer->path());
  ASSERT_TRUE(bytes);

  std::vector<std::string> events;
  for (size_t at = 0; at < bytes->size();) {
    uint64_t length;
    uint32_t lengthCheck, check;
    ASSERT_LE(at + 12, bytes->size());
    memcpy(&length, bytes->data() + at, 8);
    memcpy(&lengthCheck, bytes->data() + at + 8, 4);
    EXPECT_EQ(lengthCheck, maskedCrc32c(bytes->substr(at, 8)));
    events.push_back(bytes->substr(at + 12, length));
    memcpy(&check, bytes->data() + at + 12 + length, 4);
    EXPECT_EQ(check, maskedCrc32c(events.back()));
    at += 16 + length;
  }
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].substr(9), std::string("\x1a\x0d") + "brain.Event:2");
  // double 12; step 300 = ac 02; summary { value { tag, float 1.5 } }
  const std::string expected =
      std::string("\x09\0\0\0\0\0\0\x28\x40\x10\xac\x02\x2a\x13\x0a\x11\x0a\x0a", 18) + "train/loss" +
      std::string("\x15\0\0\xc0\x3f", 5);
  EXPECT_EQ(events[1], expected);
}

TEST(TensorBoard, AFolderThatCannotBeMadeIsAnError) {
  EXPECT_FALSE(EventWriter::create("/proc/nowhere/runs"));
}
