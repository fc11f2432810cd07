// The head is the embedding where the configuration says so, or where the files hold no head.

// RUN: peft-import %S/Inputs/tied-by-files --seq-len 8 2>&1 | FileCheck %s --check-prefixes=FILES,TIED
// RUN: peft-import %S/Inputs/tied-twice --seq-len 8 2>&1 | FileCheck %s --check-prefix=TIED --implicit-check-not=warning
// RUN: peft-import %S/Inputs/tied-but-differs --seq-len 8 2>&1 | FileCheck %s --check-prefix=DIFFERS

// FILES: warning: '{{.*}}tied-by-files': tie_word_embeddings is false, but there is no lm_head.weight: model.embed_tokens.weight is the head too

// A second copy in the files is no second weight.
// TIED-NOT:  @lm_head.weight
// TIED:      %[[W:.*]] = nn.get @model.embed_tokens.weight
// TIED:      %[[HEAD:.*]] = nn.get @model.embed_tokens.weight
// TIED-NEXT: nn.linear %{{.*}}, %[[HEAD]] module("lm_head")

// Files that contradict the configuration are right, as in transformers.
// DIFFERS: warning: '{{.*}}tied-but-differs': tie_word_embeddings is true, but lm_head.weight differs from model.embed_tokens.weight: the head is not tied
// DIFFERS: %[[HEAD:.*]] = nn.get @lm_head.weight
// DIFFERS: nn.linear %{{.*}}, %[[HEAD]] module("lm_head")
