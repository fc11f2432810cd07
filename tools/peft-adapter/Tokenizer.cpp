//===- Tokenizer.cpp - the tokenizer's files of a merged model ------------===//

#include "Tokenizer.h"

#include "peft/runtime/file.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"

using namespace llvm;
using namespace peft;

static const char *const tokenizerFiles[] = {"tokenizer.json",
                                             "tokenizer_config.json",
                                             "special_tokens_map.json",
                                             "chat_template.jinja",
                                             "added_tokens.json",
                                             "vocab.json",
                                             "merges.txt",
                                             "vocab.txt",
                                             "tokenizer.model"};

static Status copyFile(const std::string &from, const std::string &to) {
  Result<std::string> bytes = readWholeFile(from);
  if (!bytes)
    return bytes.status();
  return writeFileAtomically(to, *bytes);
}

/// Beside this program, in the sources around its build folder, or in PATH; PEFT_DATA goes before all.
static std::string findPeftData(const std::string &program) {
  if (std::optional<std::string> named = sys::Process::GetEnv("PEFT_DATA"))
    return *named;
  static int anchor;
  std::string self = sys::fs::getMainExecutable(program.c_str(), &anchor);
  StringRef bin = sys::path::parent_path(self);
  for (StringRef relative : {"peft-data", "../../tools/peft-data/peft-data"}) {
    SmallString<256> path(bin);
    sys::path::append(path, relative);
    if (sys::fs::can_execute(path) && !sys::fs::is_directory(path))
      return path.str().str();
  }
  ErrorOr<std::string> found = sys::findProgramByName("peft-data");
  return found ? *found : std::string();
}

/// Empty, or why it did not work.
static std::string makeFromGguf(const std::string &folder, const std::string &gguf,
                                const std::string &program) {
  std::string tool = findPeftData(program);
  if (tool.empty())
    return "peft-data is not here; `peft-data tokenizer " + gguf + " FOLDER` makes one";
  std::string said = joinPath(folder, "peft-data.log"), message;
  std::optional<StringRef> redirects[] = {StringRef(""), StringRef(said), StringRef(said)};
  int code =
      sys::ExecuteAndWait(tool, {tool, "tokenizer", gguf, folder}, std::nullopt, redirects, 0, 0, &message);
  Result<std::string> log = readWholeFile(said);
  (void)sys::fs::remove(said);
  if (code == 0)
    return "";
  StringRef last = log ? StringRef(*log).rtrim() : StringRef(message);
  return tool + " failed: " + last.substr(last.rfind('\n') + 1).str();
}

Status peft::writeTokenizer(const std::string &folder, const Checkpoint &base,
                            const std::string &adapterFolder, const std::string &program, std::string &note) {
  std::string source;
  if (!adapterFolder.empty() && isFile(joinPath(adapterFolder, "tokenizer.json")))
    source = adapterFolder; // what it was trained with
  else if (!base.isGguf())
    source = base.path();
  if (source.empty()) {
    note = makeFromGguf(folder, base.path(), program);
    return Status::ok();
  }
  bool any = false;
  for (const char *name : tokenizerFiles)
    if (isFile(joinPath(source, name))) {
      PEFT_TRY(copyFile(joinPath(source, name), joinPath(folder, name)));
      any = true;
    }
  if (!any)
    note = "there is none in " + source;
  if (!base.isGguf() && isFile(joinPath(base.path(), "generation_config.json")))
    return copyFile(joinPath(base.path(), "generation_config.json"),
                    joinPath(folder, "generation_config.json"));
  return Status::ok();
}
