//===- foreign_options.cpp - TrainingArguments' names that are no options --===//

#include "foreign_options.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace peft {
namespace {

/// Fixed when the program was compiled, and by which flag of peftc.
struct Compiled {
  const char *name, *flag;
  std::string (*value)(const peft_program_t &);
};

std::string isBF16(const peft_program_t &program) { return program.dtype == PEFT_BF16 ? "true" : "false"; }
std::string isF16(const peft_program_t &program) { return program.dtype == PEFT_F16 ? "true" : "false"; }
std::string batch(const peft_program_t &program) { return std::to_string(program.batch); }
std::string length(const peft_program_t &program) { return std::to_string(program.seq_len); }
std::string optimizer(const peft_program_t &program) { return program.optimizer; }

const Compiled compiled[] = {
    {"bf16", "--dtype", isBF16},         {"fp16", "--dtype", isF16},
    {"optim", "--optim", optimizer},     {"per_device_train_batch_size", "--batch", batch},
    {"max_length", "--seq-len", length}, {"max_seq_length", "--seq-len", length}};

/// Would change the result; supported at this value alone.
struct AtDefault {
  const char *name, *value;
};
const AtDefault atDefault[] = {{"label_smoothing_factor", "0"},
                               {"neftune_noise_alpha", "0"},
                               {"lr_scheduler_kwargs", "{}"},
                               {"optim_args", ""},
                               {"group_by_length", "false"},
                               {"train_sampling_strategy", "random"},
                               {"eval_delay", "0"},
                               {"logging_strategy", "steps"},
                               {"greater_is_better", "false"},
                               {"ignore_data_skip", "false"},
                               {"dataloader_drop_last", "false"}};

/// Say how or where a run goes, not what comes out. A name that ends in '*' stands for all that begin so.
const char *const meaningless[] = {"accelerator_config",
                                   "auto_find_batch_size",
                                   "average_tokens_across_devices",
                                   "batch_eval_metrics",
                                   "bf16_full_eval",
                                   "dataloader_*",
                                   "ddp_*",
                                   "debug",
                                   "deepspeed",
                                   "do_eval",
                                   "do_predict",
                                   "do_train",
                                   "enable_jit_checkpoint",
                                   "eval_accumulation_steps",
                                   "eval_do_concat_batches",
                                   "eval_use_gather_object",
                                   "fp16_*",
                                   "fsdp*",
                                   "full_determinism",
                                   "gradient_checkpointing*",
                                   "hub_*",
                                   "include_*",
                                   "jit_mode_eval",
                                   "label_names",
                                   "length_column_name",
                                   "liger_kernel_config",
                                   "local_rank",
                                   "log_*",
                                   "logging_nan_inf_filter",
                                   "no_cuda",
                                   "optim_target_modules",
                                   "overwrite_output_dir",
                                   "parallelism_config",
                                   "past_index",
                                   "per_device_eval_batch_size",
                                   "prediction_loss_only",
                                   "project",
                                   "push_to_hub*",
                                   "ray_scope",
                                   "remove_unused_columns",
                                   "report_to",
                                   "restore_callback_states_from_checkpoint",
                                   "run_name",
                                   "save_on_each_node",
                                   "save_only_model",
                                   "save_safetensors",
                                   "skip_memory_metrics",
                                   "tf32",
                                   "torch_compile*",
                                   "torch_empty_cache_steps",
                                   "torchdynamo",
                                   "tpu_*",
                                   "trackio_*",
                                   "use_cache",
                                   "use_cpu",
                                   "use_liger_kernel",
                                   "use_mps_device"};

template <class Row, size_t n> const Row *findRow(const Row (&table)[n], const std::string &name) {
  const Row *row = std::find_if(table, table + n, [&](const Row &entry) { return name == entry.name; });
  return row == table + n ? nullptr : row;
}

bool isMeaningless(const std::string &name) {
  return std::any_of(std::begin(meaningless), std::end(meaningless), [&](const char *entry) {
    const size_t length = strlen(entry);
    return entry[length - 1] == '*' ? name.compare(0, length - 1, entry, length - 1) == 0 : name == entry;
  });
}

bool sameValue(const std::string &a, const std::string &b) {
  if (a == b)
    return true;
  char *endA = nullptr, *endB = nullptr;
  const double numberA = strtod(a.c_str(), &endA), numberB = strtod(b.c_str(), &endB);
  if (!a.empty() && !b.empty() && !*endA && !*endB)
    return numberA == numberB;
  const auto switchA = parseSwitch(a), switchB = parseSwitch(b);
  return switchA && switchA == switchB;
}

} // namespace

bool isForeign(const std::string &name) {
  return findRow(compiled, name) || findRow(atDefault, name) || isMeaningless(name);
}

Status checkForeign(const Options &options, const peft_program_t &program,
                    std::vector<std::string> &ignored) {
  for (const auto &[name, value] : options.foreign) {
    if (const Compiled *row = findRow(compiled, name)) {
      const std::string own = row->value(program);
      const bool adamw =
          own == "adamw" && (value == "adamw_torch" || value == "adamw_torch_fused" || value == "adamw_hf");
      if (!sameValue(value, own) && !adamw)
        return Status::error(name + " is fixed at compile time: this program has " + own + ", got " + value +
                             "; leave it out, or compile with peftc " + row->flag);
    } else if (const AtDefault *known = findRow(atDefault, name)) {
      if (!sameValue(value, known->value))
        return Status::error(name + ": " + value + " is not supported, expected " +
                             (*known->value ? known->value : "none") + "; leave it out");
    } else if (value != "false" && value != "[]" && value != "{}" &&
               !value.empty()) { // what is off asks for nothing
      ignored.push_back(name);
    }
  }
  return Status::ok();
}

} // namespace peft
