//===- gguf_names.cpp - HF's names of GGUF's tensors ----------------------===//

#include "checkpoint_state.h"
#include "peft/runtime/gguf.h"

namespace peft {

namespace {
struct NameRow {
  std::string_view gguf, hf;
};
} // namespace

static const NameRow globalNames[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};

static const NameRow layerNames[] = {
    {"attn_norm", "input_layernorm"},    {"ffn_norm", "post_attention_layernorm"},
    {"attn_q", "self_attn.q_proj"},      {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},      {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"}, {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

template <size_t N> static std::string_view translate(const NameRow (&rows)[N], std::string_view name) {
  for (const NameRow &row : rows)
    if (row.gguf == name)
      return row.hf;
  return {};
}

std::string nameOfGgufTensor(std::string_view name) {
  size_t last = name.rfind('.');
  if (last == std::string_view::npos)
    return "";
  std::string_view end = name.substr(last), stem = name.substr(0, last);
  if (end != ".weight" && end != ".bias")
    return "";

  if (stem.substr(0, 4) != "blk.") {
    std::string_view hf = translate(globalNames, stem);
    return hf.empty() ? "" : std::string(hf).append(end);
  }
  size_t dot = stem.find('.', 4);
  if (dot == std::string_view::npos)
    return "";
  std::string_view layer = stem.substr(4, dot - 4), hf = translate(layerNames, stem.substr(dot + 1));
  if (layer.empty() || layer.find_first_not_of("0123456789") != std::string_view::npos || hf.empty())
    return "";
  return std::string("model.layers.").append(layer).append(".").append(hf).append(end);
}

/// The row that is meant, the other way round.
template <size_t N> static std::string_view translateBack(const NameRow (&rows)[N], std::string_view name) {
  for (const NameRow &row : rows)
    if (row.hf == name)
      return row.gguf;
  return {};
}

std::string ggufNameOf(std::string_view hf) {
  size_t last = hf.rfind('.');
  if (last == std::string_view::npos)
    return "";
  std::string_view end = hf.substr(last), stem = hf.substr(0, last);
  if (std::string_view name = translateBack(globalNames, stem); !name.empty())
    return std::string(name).append(end);
  constexpr std::string_view layers = "model.layers.";
  size_t dot = stem.find('.', layers.size());
  if (stem.substr(0, layers.size()) != layers || dot == std::string_view::npos)
    return "";
  std::string_view name = translateBack(layerNames, stem.substr(dot + 1));
  return name.empty() ? ""
                      : std::string("blk.")
                            .append(stem.substr(layers.size(), dot - layers.size()))
                            .append(".")
                            .append(name)
                            .append(end);
}

} // namespace peft
