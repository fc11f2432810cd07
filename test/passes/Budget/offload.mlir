// What is marked "offload" waits in the host's memory; copies begin and end where they cost no time, within a layer.

// RUN: peft-opt %s --peft-rematerialize | FileCheck %s
// RUN: peft-opt %s --peft-rematerialize --peft-schedule --peft-plan=target=cuda --peft-verify-scheduled | FileCheck %s --check-prefix=PLAN

// Two layers as far as their names tell; their products are long enough to hide a copy of 1 MiB.
#in0 = loc("model.layers.0.in")
#mid0 = loc("model.layers.0.mid")
#out0 = loc("model.layers.0.out")
#in1 = loc("model.layers.1.in")

// CHECK-LABEL: @micro_step
// CHECK: %[[X:.*]] = nn.linear %arg0
// CHECK-NEXT: %[[HOST:.*]] = train.offload %[[X]] : tensor<4096x64xf32> -> tensor<4096x64xf32, "host">
// The layer is not long enough for the copy: its end waits.
// CHECK-NEXT: nn.linear %[[X]]
// CHECK-NEXT: nn.linear
// CHECK-NEXT: train.await %[[X]] : tensor<4096x64xf32>
// CHECK-NEXT: nn.linear
// The layer that runs before brings it back.
// CHECK: %[[BACK:.*]] = train.fetch %[[HOST]] {train.backward} : tensor<4096x64xf32, "host"> -> tensor<4096x64xf32>
// CHECK-NEXT: train.elementwise
// CHECK: %[[Y:.*]] = train.await %[[BACK]]
// CHECK-NEXT: train.elementwise(%{{.*}}, %[[Y]]
// CHECK: nn.linear_weight_grad %{{.*}}, %[[Y]]
// CHECK-NOT: train.keep

// In the host's memory of its own, and in the arena between the calls that hold it there.
// PLAN: host_bytes = 1048576 : i64
// PLAN: %[[XB:.*]] = exec.buffer "in" at
// PLAN: exec.linear %[[XB]]
// PLAN: %[[HB:.*]] = exec.buffer "in_host" at 0 : memref<4096x64xf32, 1>
// PLAN: exec.offload %[[HB]], %[[XB]]
// PLAN: exec.await %[[XB]]
// PLAN: %[[YB:.*]] = exec.buffer "in_3" at {{.*}}memref<4096x64xf32>
// PLAN: exec.fetch %[[YB]], %[[HB]]
// PLAN: exec.await %[[YB]]
// PLAN: exec.linear_weight_grad %{{.*}}, %{{.*}}, %[[YB]]
nn.parameter trainable @w : tensor<64x64xf32>

func.func @micro_step(%a: tensor<4096x64xf32>, %l: tensor<4096xi32>, %p: tensor<4096xi32>, %s: tensor<4096xi32>, %seed: i64, %scale: tensor<f32>) -> tensor<f32> {
  %v = nn.get @w : tensor<64x64xf32>
  %x = nn.linear %a, %v {train.keep = "offload"} : (tensor<4096x64xf32>, tensor<64x64xf32>) -> tensor<4096x64xf32> loc(#in0)
  %g = nn.linear %x, %v : (tensor<4096x64xf32>, tensor<64x64xf32>) -> tensor<4096x64xf32> loc(#mid0)
  %y = nn.linear %g, %v : (tensor<4096x64xf32>, tensor<64x64xf32>) -> tensor<4096x64xf32> loc(#out0)
  %z = nn.linear %y, %v : (tensor<4096x64xf32>, tensor<64x64xf32>) -> tensor<4096x64xf32> loc(#in1)
  %dz = train.elementwise(%z : tensor<4096x64xf32>) {
  ^bb0(%e: f32):
    %f = nn.activation silu %e : f32
    train.yield %f : f32
  } -> tensor<4096x64xf32> {train.backward} loc(#in1)
  %dx = train.elementwise(%dz, %x : tensor<4096x64xf32>, tensor<4096x64xf32>) {
  ^bb0(%e: f32, %f: f32):
    %m = arith.mulf %e, %f : f32
    train.yield %m : f32
  } -> tensor<4096x64xf32> loc(#in0)
  %dw = nn.linear_weight_grad %dx, %x : (tensor<4096x64xf32>, tensor<4096x64xf32>) -> tensor<64x64xf32> loc(#in0)
  train.accumulate @w, %dw : tensor<64x64xf32>
  %loss, %unused = nn.cross_entropy %dz, %l : (tensor<4096x64xf32>, tensor<4096xi32>) -> (tensor<f32>, tensor<4096xf32>)
  return %loss : tensor<f32>
}
