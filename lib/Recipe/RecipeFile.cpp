//===- RecipeFile.cpp - tells the kinds of adapter_config.json apart ------===//
#include "Fields.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace peft;

static constexpr uint64_t maxBytes = 16 << 20; ///< a real one has a few kilobytes
static constexpr unsigned maxDepth = 64;       ///< LLVM's parser recurses

/// Whether brackets outside of strings nest deeper than the parser's stack should bear.
static bool isTooDeep(StringRef text) {
  unsigned depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (quoted) {
      if (text[i] == '\\')
        ++i;
      else if (text[i] == '"')
        quoted = false;
    } else if (text[i] == '"') {
      quoted = true;
    } else if (text[i] == '{' || text[i] == '[') {
      if (++depth > maxDepth)
        return true;
    } else if ((text[i] == '}' || text[i] == ']') && depth > 0) {
      --depth;
    }
  }
  return false;
}

Expected<Recipe> peft::parseRecipeText(StringRef text, StringRef where) {
  if (isTooDeep(text))
    return createStringError(where + ": brackets nest deeper than " + Twine(maxDepth));
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return createStringError(where + ": not JSON: " + toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  if (!object)
    return createStringError(where + ": expected an object, got " + shortText(*value));

  // Only PEFT's files have a peft_type, only AdapterHub's a config.
  if (const json::Value *type = object->get("peft_type")) {
    StringRef name = type->getAsString().value_or("");
    if (name == "LORA")
      return parseLoraConfig(*object, text, where);
    if (name == "PROMPT_TUNING")
      return parsePromptConfig(*object, where);
    return createStringError(where + ": peft_type: expected LORA or PROMPT_TUNING, got " + shortText(*type));
  }
  if (object->get("config"))
    return parseBottleneckConfig(*object, where);
  return createStringError(where + ": expected PEFT's peft_type or AdapterHub's config, got neither key");
}

Expected<Recipe> peft::parseRecipeFile(StringRef path) {
  SmallString<256> file(path);
  if (sys::fs::is_directory(file))
    sys::path::append(file, "adapter_config.json");
  uint64_t size = 0;
  if (std::error_code error = sys::fs::file_size(file, size))
    return createStringError(file + ": " + error.message());
  if (size > maxBytes)
    return createStringError(file + ": expected a recipe of at most 16 MiB, got " + Twine(size) + " bytes");
  auto buffer = MemoryBuffer::getFile(file, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return createStringError(file + ": " + buffer.getError().message());
  return parseRecipeText((*buffer)->getBuffer(), file);
}

Expected<Recipe> peft::parsePromptConfig(const json::Object &object, StringRef where) {
  Fields fields(object, where);
  Recipe recipe;
  recipe.origin = where.str();
  PromptRecipe &prompt = recipe.prompt.emplace();
  prompt.tokens = fields.integer("num_virtual_tokens", 0, 1);
  prompt.width = fields.integer("token_dim", 0, 1);
  if (!fields.has("num_virtual_tokens"))
    fields.fail("num_virtual_tokens", "expected an integer from 1, got nothing");
  if (fields.text("prompt_tuning_init", "RANDOM") != "RANDOM")
    fields.mismatch("prompt_tuning_init", "\"RANDOM\" (initial texts are not supported yet)");
  if (fields.text("task_type", "CAUSAL_LM") != "CAUSAL_LM")
    fields.mismatch("task_type", "\"CAUSAL_LM\"");
  if (fields.integer("num_transformer_submodules", 1, 1) != 1)
    fields.mismatch("num_transformer_submodules", "1");
  fields.refuse({"modules_to_save"});
  // Facts that the model itself knows, and those of the other initialisers.
  fields.ignore({"peft_type", "peft_version", "auto_mapping", "base_model_name_or_path", "inference_mode",
                 "revision", "num_attention_heads", "num_layers", "prompt_tuning_init_text",
                 "tokenizer_kwargs", "tokenizer_name_or_path"});
  if (Error error = fields.finish(recipe.warnings))
    return std::move(error);
  return recipe;
}
