//===- main.cpp - the training binary -------------------------------------===//

#include "peft/runtime/command_line.h"

#include <cstdio>

int main(int argc, char **argv) {
  const peft_program_t *program = peft_program_query(PEFT_ABI_VERSION);
  if (!program) {
    fprintf(stderr, "error: the program is newer than this runtime (ABI %u); compile it again\n",
            PEFT_ABI_VERSION);
    return 2;
  }
  return peft::runCommandLine(*program, {argv + 1, argv + argc});
}
