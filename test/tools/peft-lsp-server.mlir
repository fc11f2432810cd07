// The language server knows the dialects: it says what an op is, and what is wrong in a file.

// RUN: peft-lsp-server -lit-test < %s | FileCheck %s

{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"processId":1,"rootPath":"peft","capabilities":{},"trace":"off"}}
// CHECK: "serverInfo"
// -----
{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{
  "uri":"test:///good.mlir",
  "languageId":"mlir",
  "version":1,
  "text":"nn.parameter frozen @w : tensor<4xf32>\nfunc.func @f(%x: tensor<8x4xf32>) -> tensor<8x4xf32> {\n  %w = nn.get @w : tensor<4xf32>\n  %y = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<4xf32>) -> tensor<8x4xf32>\n  return %y : tensor<8x4xf32>\n}"
}}}
// CHECK: "method": "textDocument/publishDiagnostics"
// CHECK: "diagnostics": []
// CHECK: "uri": "test:///good.mlir"
// -----
{"jsonrpc":"2.0","id":1,"method":"textDocument/hover","params":{
  "textDocument":{"uri":"test:///good.mlir"},
  "position":{"line":3,"character":8}
}}
// CHECK: "id": 1
// CHECK: nn.rms_norm
// -----
{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{
  "uri":"test:///bad.mlir",
  "languageId":"mlir",
  "version":1,
  "text":"func.func @f(%x: tensor<8x4xf32>, %w: tensor<3xf32>) -> tensor<8x4xf32> {\n  %y = nn.rms_norm %x, %w eps(1.0e-5) : (tensor<8x4xf32>, tensor<3xf32>) -> tensor<8x4xf32>\n  return %y : tensor<8x4xf32>\n}"
}}}
// CHECK: "method": "textDocument/publishDiagnostics"
// CHECK: "message": "expected x to hold groups of 3 columns, got 'tensor<8x4xf32>'"
// CHECK: "uri": "test:///bad.mlir"
// -----
{"jsonrpc":"2.0","id":3,"method":"shutdown"}
// CHECK: "id": 3
// -----
{"jsonrpc":"2.0","method":"exit"}
