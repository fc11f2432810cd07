//===- ProgramTables.cpp - the tables that peft_program_query returns -----===//

#include "dialects/Peft/Peft.h"
#include "passes/Emit/EmitFunctions.h"
#include "peft/Analysis/MemoryPlan.h"
#include "peft/Report/MemoryTable.h"

using namespace mlir;
using namespace peft;

static const char *initOf(nn::Init init) {
  switch (init) {
  case nn::Init::checkpoint:
    return "PEFT_INIT_CHECKPOINT";
  case nn::Init::zeros:
    return "PEFT_INIT_ZEROS";
  case nn::Init::ones:
    return "PEFT_INIT_ONES";
  case nn::Init::normal:
    return "PEFT_INIT_NORMAL";
  case nn::Init::uniform:
    return "PEFT_INIT_UNIFORM";
  case nn::Init::rows:
    return "PEFT_INIT_CHECKPOINT_ROWS";
  }
  llvm_unreachable("every kind of initialiser has a name");
}

static std::string parameterRow(nn::ParameterOp parameter, const ParameterPlaces &places,
                                std::string &arrays) {
  RankedTensorType type = parameter.getTensorType();
  auto text = [](uint64_t value) { return std::to_string(value); };
  std::string dims;
  for (unsigned i = 0; i < 4; ++i)
    dims += (i ? ", " : "") + text(i < type.getRank() ? type.getDimSize(i) : 1);
  std::string rows = "nullptr";
  if (auto indices = parameter.getRows()) {
    rows = "init_rows_" + text(places.index.lookup(parameter.getSymName()));
    arrays += "static const int32_t " + rows + "[] = {";
    for (auto [i, row] : llvm::enumerate(*indices))
      arrays += (i ? ", " : "") + std::to_string(row);
    arrays += "};\n";
  }
  auto encoding = dyn_cast_or_null<StorageEncodingInterface>(type.getEncoding());
  uint64_t block = 0, nested = 0, bytes = type.getNumElements() * type.getElementTypeBitWidth() / 8;
  auto get = [&](StringRef key) {
    auto attr = parameter->getAttrOfType<IntegerAttr>(key);
    return attr ? attr.getInt() : 0;
  };
  uint64_t pitch = get("exec.pitch");
  if (encoding)
    block = get("exec.block"), nested = get("exec.nested");
  if (encoding || pitch)
    bytes = get("exec.bytes");
  auto offset = places.offset.find(parameter.getSymName());
  bool isPlaced = offset != places.offset.end();
  bool fromFile = parameter.getInit() == nn::Init::checkpoint || parameter.getInit() == nn::Init::rows;
  double a = parameter.getInitValue() ? parameter.getInitValue()->convertToDouble() : 0;
  return "    {" + cppString(parameter.getSymName()) + ", " +
         (fromFile ? cppString(parameter.getSourceKey()) : std::string("nullptr")) + ", " +
         (type.getElementType().isF32() ? "PEFT_F32" : "PEFT_BF16") + ", " +
         (encoding ? encoding.abiName().str() : "PEFT_DENSE") + ", " + text(block) + ", " + text(nested) +
         ", " + text(type.getRank()) + ", {" + dims + "}, " + text(pitch) + ", " +
         text(parameter.isTrainable()) + ", " + initOf(parameter.getInit()) + ", " + cppNumber(a) + ", " +
         rows + ", " + (isPlaced ? text(offset->second) : "PEFT_MAPPED") + ", " + text(bytes) + ", " +
         text(parameter.isTrainable() ? places.gradient + offset->second : 0) + "},\n";
}

std::string peft::programTables(ModuleOp module, const ParameterPlaces &places) {
  std::string arrays, rows, memory;
  uint64_t count = 0;
  for (auto parameter : module.getOps<nn::ParameterOp>()) {
    rows += parameterRow(parameter, places, arrays);
    ++count;
  }
  auto entries = module->getAttrOfType<ArrayAttr>("exec.memory");
  for (Attribute entry : entries ? entries.getValue() : ArrayRef<Attribute>()) {
    auto pair = cast<ArrayAttr>(entry);
    memory += "    {" + cppString(cast<StringAttr>(pair[0]).getValue()) + ", " +
              std::to_string(cast<IntegerAttr>(pair[1]).getInt()) + "},\n";
  }
  auto layout = module->getAttrOfType<DictionaryAttr>("exec.layout");
  auto field = [&](StringRef key) {
    auto attr = layout.getAs<IntegerAttr>(key);
    return std::to_string(attr ? attr.getInt() : 0);
  };
  auto integer = [&](StringRef key) {
    auto attr = module->getAttrOfType<IntegerAttr>(key);
    return std::to_string(attr ? attr.getInt() : 0);
  };
  auto string = [&](StringRef key) {
    auto attr = module->getAttrOfType<StringAttr>(key);
    return cppString(attr ? attr.getValue() : "");
  };
  bool isBF16 = false;
  for (auto parameter : module.getOps<nn::ParameterOp>())
    isBF16 |= parameter.getTensorType().getElementType().isBF16();
  uint64_t floats = layout.getAs<IntegerAttr>("trainable_bytes").getInt() / 4;

  return "\n" + arrays + "static const peft_parameter_t parameters[] = {\n" + rows + "};\n\n" +
         "static const peft_memory_t memory[] = {\n" + memory + "};\n\n" +
         "static const peft_program_t program = {\n" + "    PEFT_ABI_VERSION, " + string("nn.name") +
         ", rt::target, " + (isBF16 ? "rt::isaBF16" : "rt::isa") + ",\n" + "    " + string("nn.path") +
         ",\n    " + string("peft.recipe") + ",\n" + "    " + string("train.optimizer") + ", " +
         (isBF16 ? "PEFT_BF16" : "PEFT_F32") + ",\n" + "    /*batch=*/" + integer("train.batch") +
         ", /*seq_len=*/" + integer("train.seq_len") + ", /*vocab_size=*/" + integer("nn.vocab_size") +
         ", /*virtual_tokens=*/" + integer("nn.virtual_tokens") + ",\n" + "    parameters, " +
         std::to_string(count) + ", memory, " + std::to_string(entries ? entries.size() : 0) + ",\n" +
         "    /*arena_bytes=*/" + field("arena") + ", /*host_bytes=*/" + field("host_bytes") +
         ",\n    /*trainable=*/" + field("trainable") + ", " + std::to_string(floats) + ", /*gradient=*/" +
         field("gradient") + ", /*optimizer=*/" + field("optimizer") + ", " + field("optimizer_slots") +
         ", /*workspace=*/" + field("workspace") + ", " + field("workspace_bytes") + ", /*deterministic=*/" +
         (module->hasAttr("exec.any_order") ? "0" : "1") +
         ",\n    micro_step, evaluate, forward, update};\n\n" +
         "} // namespace\n\n"
         "extern \"C\" const peft_program_t *peft_program_query(uint32_t max_version) {\n"
         "  return max_version < PEFT_ABI_VERSION ? nullptr : &program;\n}";
}
