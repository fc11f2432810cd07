//===- PeftDialect.td - what fine-tuning adds --------------*- tablegen -*-===//
#ifndef PEFT_PEFT_DIALECT_TD
#define PEFT_PEFT_DIALECT_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/TensorEncoding.td"
include "peft/Interfaces/Storage.td"

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

class Peft_Encoding<string name> : AttrDef<Peft_Dialect, name, [
    DeclareAttrInterfaceMethods<VerifiableTensorEncoding>, DeclareAttrInterfaceMethods<StorageEncodingInterface>]>;

def Peft_NF4Attr : Peft_Encoding<"NF4"> {
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

def Peft_FP8Attr : Peft_Encoding<"FP8"> {
  let mnemonic = "fp8";
  let summary = "Stored as e4m3 with one float32 scale a row, as it lies and transposed";
  let description = [{
    Two copies, of a matrix [r, c] and of its transpose, each quantized from the values themselves with scales of
    its own: products in FP8 run along rows alone on a GPU of compute capability 9.0, forward along those of W, for
    dX along those of Wᵀ. Two bytes an element, as many as bfloat16. r and c are multiples of 16, as those products
    want it.
  }];
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
