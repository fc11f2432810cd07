//===- trainer_testing.h - whole runs of the command line -------*- C++ -*-===//
#ifndef PEFT_RUNTIME_TEST_TRAINER_TESTING_H
#define PEFT_RUNTIME_TEST_TRAINER_TESTING_H

#include "fake_program.h"
#include "peft/runtime/file.h"
#include "peft/runtime/json.h"

#include <gtest/gtest.h>

namespace peft::test {

/// A model, data and a folder to train in; the program is the one of fake_program.h.
class TrainerTest : public ::testing::Test {
protected:
  TrainerTest() : model(folder / "model") {
    faults = Faults();
    writeFakeCheckpoint(model);
    writeDocuments(folder / "data", makeDocuments(60, 1));
    writeDocuments(folder / "eval", makeDocuments(20, 2));
  }

  /// 60 documents make about 17 micro-batches; two a step.
  Outcome train(const std::string &out, std::vector<std::string> more = {}) {
    faults.microSteps = 0;
    std::vector<std::string> arguments = {"--data",
                                          folder / "data",
                                          "--output_dir",
                                          folder / out,
                                          "--logging_steps",
                                          "1",
                                          "--learning_rate",
                                          "0.05",
                                          "--gradient_accumulation_steps",
                                          "2",
                                          "--max_steps",
                                          "12"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return runFake(model, arguments);
  }
  std::string bytes(const std::string &path) { return *readWholeFile(folder / path); }
  bool exists(const std::string &path) { return isFile(folder / path) || isDirectory(folder / path); }
  nlohmann::json state(const std::string &path) {
    return *parseJsonFile(folder / path + "/trainer_state.json");
  }
  /// Values of a field over the rows of a log.
  std::vector<double> column(const nlohmann::json &state, const char *name) {
    std::vector<double> values;
    for (const auto &row : state["log_history"])
      if (row.contains(name))
        values.push_back(row[name]);
    return values;
  }

  const TemporaryFolder folder;
  const std::string model;
};

} // namespace peft::test

#endif // PEFT_RUNTIME_TEST_TRAINER_TESTING_H
