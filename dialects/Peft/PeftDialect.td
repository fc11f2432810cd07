//===- PeftDialect.td - what fine-tuning adds --------------*- tablegen -*-===//
#ifndef PEFT_PEFT_DIALECT_TD
#define PEFT_PEFT_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"

def Peft_Dialect : Dialect {
  let name = "peft";
  let cppNamespace = "::peft::adapter";
  let dependentDialects = ["::peft::nn::NNDialect"]; // whose attributes its ops hold
  let summary = "Adapter nodes and encodings of frozen weights";
  let description = [{
    The adapted level: nodes that a recipe inserts into a model, each with a
    decomposition to `nn`, and the encodings in which frozen weights are stored.
    How a weight is stored is an encoding on its type:
    `tensor<4096x4096xbf16, #peft.nf4<block = 64, nested = 256>>`.
  }];
  let useDefaultAttributePrinterParser = 1;
}

def Peft_NF4Attr : AttrDef<Peft_Dialect, "NF4", [DeclareAttrInterfaceMethods<VerifiableTensorEncoding>]> {
  let mnemonic = "nf4";
  let summary = "Stored as bitsandbytes' 4-bit NormalFloat";
  let description = [{
    Blocks of `block` consecutive elements share an absolute maximum; with `nested`
    those are themselves 8-bit codes in blocks of `nested` (double quantization);
    0 keeps them in float32.
  }];
  let parameters = (ins "int64_t":$block, "int64_t":$nested);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Peft_LoraAttr : AttrDef<Peft_Dialect, "Lora"> {
  let mnemonic = "lora";
  let summary = "What a recipe wants of one module: a LoRA of this rank";
  let description = [{
    Set by `peft-apply-recipe` on the op of a matched module, consumed by
    `peft-insert-lora`. `scale` is alpha / r (alpha / sqrt(r) for rsLoRA). `init` is
    PEFT's init_lora_weights: "default", "gaussian" or "random" (false).
  }];
  let parameters = (ins "int64_t":$r, "::mlir::FloatAttr":$scale, "::mlir::FloatAttr":$dropout, "bool":$bias,
                        "::mlir::StringAttr":$init);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def Peft_BottleneckAttr : AttrDef<Peft_Dialect, "Bottleneck"> {
  let mnemonic = "bottleneck";
  let summary = "What a recipe wants of one residual: a Pfeiffer adapter";
  let parameters = (ins "int64_t":$width, "::mlir::StringAttr":$activation, "::mlir::FloatAttr":$scale,
                        "::mlir::StringAttr":$key);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

#endif // PEFT_PEFT_DIALECT_TD
