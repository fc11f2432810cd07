//===- ScheduleOps.cpp - each op's runtime call ---------------------------===//
//
// The one place that pairs an op with its function: a new op is a case here.
//
//===----------------------------------------------------------------------===//

#include "passes/Plan/Schedule.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace peft;

static bool isFP8(Value weight) {
  return isa<adapter::FP8Attr>(cast<RankedTensorType>(weight.getType()).getEncoding());
}

LogicalResult Scheduler::schedule(Operation *op) {
  Location loc = op->getLoc();
  auto of = [&](Value value) { return place(value); };
  return TypeSwitch<Operation *, LogicalResult>(op)
      .Case([&](nn::GetOp get) {
        auto type = bufferType(cast<RankedTensorType>(get.getType()));
        if (borders.weight(get.getParameter())) {
          if (!widths.empty())
            places[get] = weightItself(get.getParameter());
          return success();
        }
        places[get] = builder.create<exec::ParameterOp>(loc, type, get.getParameterAttr());
        return success();
      })
      .Case([&](nn::LinearOp o) { return scheduleLinear(o), success(); })
      .Case([&](nn::LinearAddOp o) {
        auto [weight, scale] = weightPlace(o.getWeight());
        Value acc = of(o.getAcc()), y = addTarget(o, o.getAcc(), {of(o.getX()), weight});
        builder.create<exec::LinearAddOp>(loc, y, acc, of(o.getX()), weight, o.getTransposed(),
                                          llvm::APFloat(o.getAlpha().convertToDouble() / scale));
        return success();
      })
      .Case([&](nn::BorderedLinearOp o) { return scheduleBordered(o), success(); })
      .Case([&](nn::LinearWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::LinearWeightGradOp>(loc, sum, of(o.getDy()), of(o.getX()), o.getAlpha());
        return success();
      })
      .Case([&](nn::SumRowsOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::SumRowsOp>(loc, sum, of(o.getDy()));
        return success();
      })
      .Case([&](nn::EmbeddingOp o) {
        builder.create<exec::EmbeddingOp>(loc, allocate(o), of(o.getIds()), of(o.getTable()));
        return success();
      })
      .Case([&](nn::EmbeddingWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::EmbeddingWeightGradOp>(loc, sum, of(o.getDy()), of(o.getIds()));
        return success();
      })
      .Case([&](nn::RMSNormOp o) {
        builder.create<exec::RMSNormOp>(loc, allocate(o), of(o.getX()), of(o.getWeight()), o.getEps());
        return success();
      })
      .Case([&](nn::RMSNormGradOp o) {
        Value residual = o.getResidual() ? of(o.getResidual()) : Value();
        Value dx = residual ? allocateInPlace(o, o, o.getResidual()) : allocate(o);
        builder.create<exec::RMSNormGradOp>(loc, dx, of(o.getDy()), of(o.getX()), of(o.getWeight()), residual,
                                            o.getEps());
        return success();
      })
      .Case([&](nn::RMSNormWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::RMSNormWeightGradOp>(loc, sum, of(o.getDy()), of(o.getX()), o.getEps());
        return success();
      })
      .Case([&](nn::RopeOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::RopeOp>(loc, y, of(o.getX()), of(o.getPositions()), o.getInvFreq(),
                                     o.getHeadDim(), o.getScale(), o.getInverse());
        return success();
      })
      .Case([&](nn::AttentionOp o) {
        Value out = allocate(o.getOut()), lse = allocate(o.getLse());
        builder.create<exec::AttentionOp>(loc, out, lse, of(o.getQ()), of(o.getK()), of(o.getV()),
                                          of(o.getSegments()), o.getHeadDim(), o.getScale(), o.getWindow());
        return success();
      })
      .Case([&](nn::AttentionGradOp o) {
        Value dq = allocate(o.getDq()), dk = allocate(o.getDk()), dv = allocate(o.getDv());
        builder.create<exec::AttentionGradOp>(
            loc, dq, dk, dv, of(o.getDout()), of(o.getQ()), of(o.getK()), of(o.getV()), of(o.getOut()),
            of(o.getLse()), of(o.getSegments()), o.getHeadDim(), o.getScale(), o.getWindow());
        return success();
      })
      .Case([&](nn::DropoutOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::DropoutOp>(loc, y, of(o.getX()), of(o.getSeed()), o.getP(), o.getSalt());
        return success();
      })
      .Case([&](nn::ShiftLabelsOp o) {
        builder.create<exec::ShiftLabelsOp>(loc, allocate(o), of(o.getLabels()), of(o.getSegments()));
        return success();
      })
      .Case([&](nn::CrossEntropyOp o) {
        Value sum = sumTarget(o.getLoss());
        builder.create<exec::CrossEntropyOp>(loc, sum, allocate(o.getLse()), of(o.getLogits()),
                                             of(o.getTargets()));
        return success();
      })
      .Case([&](nn::CrossEntropyGradOp o) {
        Value y = allocateInPlace(o, o, o.getLogits());
        builder.create<exec::CrossEntropyGradOp>(loc, y, of(o.getLogits()), of(o.getLse()),
                                                 of(o.getTargets()), of(o.getScale()));
        return success();
      })
      .Case([&](nn::CrossEntropyWithGradOp o) {
        Value sum = sumTarget(o.getLoss()), y = allocateInPlace(o, o.getDlogits(), o.getLogits());
        builder.create<exec::CrossEntropyWithGradOp>(loc, sum, y, of(o.getLogits()), of(o.getTargets()),
                                                     of(o.getScale()));
        return success();
      })
      .Case([&](nn::SelectRowsOp o) {
        builder.create<exec::SelectRowsOp>(loc, allocate(o), of(o.getX()), of(o.getRows()));
        return success();
      })
      .Case([&](nn::PrependOp o) {
        builder.create<exec::PrependOp>(loc, allocate(o), of(o.getX()), o.getValue(), o.getPositions());
        return success();
      })
      .Case([&](nn::SplitColumnsOp o) { return scheduleSplit(o); })
      .Case([&](nn::ConcatColumnsOp o) { return scheduleConcat(o), success(); })
      .Case([&](adapter::SoftPromptOp o) {
        builder.create<exec::SoftPromptOp>(loc, allocate(o), of(o.getX()), of(o.getPrompt()));
        return success();
      })
      .Case([&](adapter::SoftPromptGradOp o) {
        builder.create<exec::SoftPromptGradOp>(loc, allocate(o), of(o.getDy()));
        return success();
      })
      .Case([&](adapter::SoftPromptWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::SoftPromptWeightGradOp>(loc, sum, of(o.getDy()));
        return success();
      })
      .Case([&](adapter::EmbeddingColumnsOp o) {
        builder.create<exec::EmbeddingColumnsOp>(loc, allocate(o), of(o.getIds()), of(o.getTable()));
        return success();
      })
      .Case([&](adapter::EmbeddingColumnsWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::EmbeddingColumnsWeightGradOp>(loc, sum, of(o.getDy()), of(o.getIds()));
        return success();
      })
      .Case([&](adapter::QuantizedLinearOp o) {
        Value bias = o.getBias() ? of(o.getBias()) : Value();
        if (isFP8(o.getWeight())) {
          auto [codes, scales] = quantizeRows(loc, o.getX());
          builder.create<exec::FP8LinearOp>(loc, allocate(o), codes, scales, of(o.getWeight()), bias,
                                            o.getTransposed(), o.getAlpha());
          return success();
        }
        // NF4: the dense weight in a temporary, then the product.
        Value y = allocate(o), dense = dequantize(loc, o.getWeight());
        builder.create<exec::LinearOp>(loc, y, of(o.getX()), dense, bias, o.getTransposed(), o.getAlpha());
        return success();
      })
      .Case([&](adapter::QuantizedLinearAddOp o) {
        Value acc = of(o.getAcc());
        if (isFP8(o.getWeight())) {
          auto [codes, scales] = quantizeRows(loc, o.getX());
          Value y = addTarget(o, o.getAcc(), {});
          builder.create<exec::FP8LinearAddOp>(loc, y, acc, codes, scales, of(o.getWeight()),
                                               o.getTransposed(), o.getAlpha());
          return success();
        }
        Value dense = dequantize(loc, o.getWeight()), y = addTarget(o, o.getAcc(), of(o.getX()));
        builder.create<exec::LinearAddOp>(loc, y, acc, of(o.getX()), dense, o.getTransposed(), o.getAlpha());
        return success();
      })
      .Case([&](adapter::OverrideRowsOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::OverrideRowsOp>(loc, y, of(o.getX()), of(o.getIds()), of(o.getRows()),
                                             o.getIndices());
        return success();
      })
      .Case([&](adapter::OverrideRowsGradOp o) {
        Value y = allocateInPlace(o, o, o.getDy());
        builder.create<exec::OverrideRowsGradOp>(loc, y, of(o.getDy()), of(o.getIds()), o.getIndices());
        return success();
      })
      .Case([&](adapter::OverrideRowsWeightGradOp o) {
        Value sum = sumTarget(o);
        builder.create<exec::OverrideRowsWeightGradOp>(loc, sum, of(o.getDy()), of(o.getIds()),
                                                       o.getIndices());
        return success();
      })
      .Case([&](adapter::OverrideColumnsOp o) {
        Value y = allocateInPlace(o, o, o.getX());
        builder.create<exec::OverrideColumnsOp>(loc, y, of(o.getX()), of(o.getColumns()), o.getIndices());
        return success();
      })
      .Case([&](adapter::OverrideColumnsGradOp o) {
        Value y = allocateInPlace(o, o, o.getDy());
        builder.create<exec::OverrideColumnsGradOp>(loc, y, of(o.getDy()), o.getIndices());
        return success();
      })
      .Case([&](adapter::SelectColumnsOp o) {
        builder.create<exec::SelectColumnsOp>(loc, allocate(o), of(o.getX()), o.getIndices());
        return success();
      })
      .Case([&](adapter::DequantizeOp o) -> LogicalResult {
        if (isFP8(o.getEncoded()))
          return o.emitOpError(
              "has no runtime function for #peft.fp8: peft-fuse-quantized-linear should have made it part "
              "of a product");
        places[o] = dequantize(loc, o.getEncoded());
        return success();
      })
      .Case([&](arith::ConstantOp o) {
        return o->use_empty()
                   ? success()
                   : o->emitOpError("has no runtime function: only elementwise ops take constants");
      })
      .Case([&](train::OffloadOp o) {
        builder.create<exec::OffloadOp>(loc, allocate(o), of(o.getX()));
        return success();
      })
      .Case([&](train::FetchOp o) {
        builder.create<exec::FetchOp>(loc, allocate(o), of(o.getHost()));
        return success();
      })
      .Case([&](train::AwaitOp o) {
        places[o] = of(o.getX());
        builder.create<exec::AwaitOp>(loc, of(o.getX()));
        return success();
      })
      .Case([&](train::ElementwiseOp o) { return scheduleMap(o), success(); })
      .Case([&](train::AccumulateOp o) { return scheduleAccumulate(o), success(); })
      .Case([&](train::ChunkRowsOp o) { return scheduleChunks(o); })
      .Case<train::ClipNormOp, train::AdamWOp, train::SGDOp>(
          [&](Operation *o) { return scheduleUpdate(o), success(); })
      .Default([](Operation *o) { return o->emitOpError("has no runtime function"); });
}
