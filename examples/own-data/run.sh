#!/usr/bin/env bash
# Own conversations to an adapter: what a tenant writes, and the line that the desk wants.
# Needs what ./quickstart has made: the compiler, the model and its tokenizer.
#
#   examples/own-data/run.sh
#   DATA=my.jsonl LENGTH=256 examples/own-data/run.sh        MODEL and TOKENIZER too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
model=${MODEL:-models/SmolLM2-135M-Instruct.Q4_1.gguf} tokenizer=${TOKENIZER:-out/tokenizer}
records=${DATA:-examples/own-data/tickets.jsonl} length=${LENGTH:-64} out=out/own-data data=tools/peft-data/peft-data
mkdir -p $out

$data encode --model "$tokenizer" --assistant-only-loss --max-length "$length" --input "$records" \
  --output $out/train.safetensors --eval-output $out/eval.safetensors --eval-size 4
build/bin/peftc "$model" --lora r=8,alpha=16,targets=all-linear --batch 2 --seq-len "$length" -o $out/train
$out/train --data $out/train.safetensors --eval_data $out/eval.safetensors --eval_on_start --output_dir $out/adapter \
  --num_train_epochs 5 --learning_rate 1e-3 --logging_steps 10 --save_strategy no
$data prompts --model "$tokenizer" --chat --prompt "The tap in the bathroom is dripping." "The lift does not come down any more." --output $out/prompts.safetensors
$out/train generate --prompts $out/prompts.safetensors --adapter $out/adapter --max_new_tokens 24 --output $out/answers.safetensors
$data decode $out/answers.safetensors --model "$tokenizer" --after $out/prompts.safetensors --skip-special-tokens
