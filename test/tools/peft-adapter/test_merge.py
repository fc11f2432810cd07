"""peft-adapter merge: W + s B A of every kind, against numpy in double precision."""

import numpy as np
from safetensors.numpy import load_file

from tiny import EMBED, HEAD, LLAMA, LORA, Q, V, AdapterTest, random, update


class LoraTest(AdapterTest):
    def test_adds_the_scaled_product_and_nothing_else(self):
        base, a, b = self.base(), random((2, 8), 10), random((8, 2), 11)
        got, _ = self.merge(self.adapter({Q + ".lora_A.weight": a, Q + ".lora_B.weight": b}))
        self.close(got.pop(Q + ".weight"), base[Q + ".weight"] + update(a, b, 6 / 2))
        self.assertEqual(got.keys(), base.keys() - {Q + ".weight"})
        for name, value in got.items():
            np.testing.assert_array_equal(value, base[name])

    def test_patterns_and_rslora_decide_the_scale(self):
        base = self.base()
        tensors = {Q + ".lora_A.weight": random((2, 8), 10), Q + ".lora_B.weight": random((8, 2), 11),
                   V + ".lora_A.weight": random((4, 8), 12), V + ".lora_B.weight": random((4, 4), 13)}
        config = {**LORA, "target_modules": ["q_proj", "v_proj"], "use_rslora": True, "rank_pattern": {"v_proj": 4},
                  "alpha_pattern": {"layers.0.self_attn.q_proj": 10, "q_proj": 1}}
        got, _ = self.merge(self.adapter(tensors, config))
        for module, scale in ((Q, 10 / 2**0.5), (V, 6 / 4**0.5)):
            expected = base[module + ".weight"] + update(tensors[module + ".lora_A.weight"], tensors[module + ".lora_B.weight"], scale)
            self.close(got[module + ".weight"], expected)

    def test_lora_bias_is_scaled_too(self):
        base, bias = self.base(), random((8,), 12)
        tensors = {Q + ".lora_A.weight": random((2, 8), 10), Q + ".lora_B.weight": random((8, 2), 11), Q + ".lora_B.bias": bias}
        got, _ = self.merge(self.adapter(tensors, {**LORA, "lora_bias": True}))
        self.close(got[Q + ".bias"], base[Q + ".bias"] + 3 * bias)

    def test_trained_biases_and_saved_modules_take_the_place_of_the_bases(self):
        self.base()
        tensors = {Q + ".lora_A.weight": random((2, 8), 10), Q + ".lora_B.weight": random((8, 2), 11),
                   Q + ".base_layer.bias": random((8,), 12), HEAD + ".weight": random((16, 8), 13)}
        got, config = self.merge(self.adapter(tensors, {**LORA, "bias": "all", "modules_to_save": ["lm_head"]}))
        np.testing.assert_array_equal(got[Q + ".bias"], tensors[Q + ".base_layer.bias"])
        np.testing.assert_array_equal(got[HEAD + ".weight"], tensors[HEAD + ".weight"])
        self.assertFalse(config["tie_word_embeddings"])

    def test_the_bases_own_values_that_peft_saves_with_an_embedding(self):
        base, a, b = self.base(), random((2, 8), 10), random((16, 2), 11)
        tensors = {HEAD + ".lora_A.weight": a, HEAD + ".lora_B.weight": b, HEAD + ".base_layer.weight": base[HEAD + ".weight"]}
        config = {**LORA, "target_modules": ["lm_head"]}
        got, _ = self.merge(self.adapter(tensors, config))
        self.close(got[HEAD + ".weight"], base[HEAD + ".weight"] + update(a, b, 3))
        self.assertIn("base values", self.run_tool("inspect", self.path("adapter")).stdout)
        other = random((16, 8), 12)
        path = self.adapter({**tensors, HEAD + ".base_layer.weight": other}, config)
        done = self.run_tool("merge", self.path("base"), path, "-o", self.path("other"))
        self.assertIn("lm_head.base_layer.weight differs from the base's", done.stderr)
        self.close(load_file(self.path("other", "model.safetensors"))[HEAD + ".weight"], other + update(a, b, 3))

    def test_token_rows(self):
        base, rows = self.base(), random((2, 8), 12)
        tensors = {Q + ".lora_A.weight": random((2, 8), 10), Q + ".lora_B.weight": random((8, 2), 11),
                   EMBED + ".token_adapter.trainable_tokens_delta": rows}
        got, _ = self.merge(self.adapter(tensors, {**LORA, "trainable_token_indices": [9, 4]}))
        expected = base[EMBED + ".weight"].copy()
        expected[[9, 4]] = rows
        np.testing.assert_array_equal(got[EMBED + ".weight"], expected)


class TiedTest(AdapterTest):
    def test_an_adapter_on_the_embedding_leaves_the_head_on_the_base(self):
        base, a, b = self.base(tied=True), random((2, 16), 10), random((8, 2), 11)
        tensors = {EMBED + ".lora_embedding_A": a, EMBED + ".lora_embedding_B": b}
        got, config = self.merge(self.adapter(tensors, {**LORA, "target_modules": ["embed_tokens"]}))
        self.close(got[EMBED + ".weight"], base[EMBED + ".weight"] + update(a, b, 3).T)
        np.testing.assert_array_equal(got[HEAD + ".weight"], base[EMBED + ".weight"])
        self.assertIs(config["tie_word_embeddings"], False)

    def test_an_adapter_on_the_head_leaves_the_embedding_on_the_base(self):
        base, a, b = self.base(tied=True), random((2, 8), 10), random((16, 2), 11)
        tensors = {HEAD + ".lora_A.weight": a, HEAD + ".lora_B.weight": b}
        got, config = self.merge(self.adapter(tensors, {**LORA, "target_modules": ["lm_head"]}))
        np.testing.assert_array_equal(got[EMBED + ".weight"], base[EMBED + ".weight"])
        self.close(got[HEAD + ".weight"], base[EMBED + ".weight"] + update(a, b, 3))
        self.assertIs(config["tie_word_embeddings"], False)

    def test_token_rows_are_both_ends(self):
        base, rows = self.base(tied=True), random((2, 8), 12)
        expected = base[EMBED + ".weight"].copy()
        expected[[9, 4]] = rows
        tensors = {EMBED + ".token_adapter.trainable_tokens_delta": rows}
        config = {**LORA, "trainable_token_indices": [9, 4]}
        got, written = self.merge(self.adapter(tensors, config))
        np.testing.assert_array_equal(got[EMBED + ".weight"], expected)
        self.assertNotIn(HEAD + ".weight", got)
        self.assertIs(written["tie_word_embeddings"], True)

        # The table stored twice: both copies change. A head that differs is not tied, so only the embedding does.
        other = random((16, 8), 13)
        for name, head, want in (("twice", base[EMBED + ".weight"], expected), ("differs", other, other)):
            self.write(name, {**base, HEAD + ".weight": head}, "model.safetensors", {**LLAMA, "tie_word_embeddings": True}, "config.json")
            got, written = self.merge(self.path("adapter"), base=name, output=name + "-out")
            np.testing.assert_array_equal(got[EMBED + ".weight"], expected)
            np.testing.assert_array_equal(got[HEAD + ".weight"], want)
            self.assertIs(written["tie_word_embeddings"], name == "twice")

    def test_token_rows_of_the_head_are_its_own(self):
        base, rows, others = self.base(tied=True), random((1, 8), 12), random((2, 8), 13)
        head, table = base[EMBED + ".weight"].copy(), base[EMBED + ".weight"].copy()
        head[[3]], table[[9, 4]] = rows, others
        tensors = {HEAD + ".token_adapter.trainable_tokens_delta": rows}
        config = {**LORA, "trainable_token_indices": {"lm_head": [3]}}
        got, written = self.merge(self.adapter(tensors, config))
        np.testing.assert_array_equal(got[EMBED + ".weight"], base[EMBED + ".weight"])
        np.testing.assert_array_equal(got[HEAD + ".weight"], head)
        self.assertIs(written["tie_word_embeddings"], False)

        # Beside rows of the embedding: each has its own.
        tensors[EMBED + ".token_adapter.trainable_tokens_delta"] = others
        config["trainable_token_indices"]["embed_tokens"] = [9, 4]
        got, written = self.merge(self.adapter(tensors, config), output="both")
        np.testing.assert_array_equal(got[EMBED + ".weight"], table)
        np.testing.assert_array_equal(got[HEAD + ".weight"], head)

    def test_elsewhere_it_stays_tied(self):
        self.base(tied=True)
        got, config = self.merge(self.adapter({Q + ".lora_A.weight": random((2, 8), 10), Q + ".lora_B.weight": random((8, 2), 11)}))
        self.assertNotIn(HEAD + ".weight", got)
        self.assertIs(config["tie_word_embeddings"], True)

    def test_a_table_that_was_trained_tied_stays_tied(self):
        self.base(tied=True)
        table = random((16, 8), 12)
        got, config = self.merge(self.adapter({EMBED + ".weight": table}, None, file="trained_parameters.safetensors"))
        np.testing.assert_array_equal(got[EMBED + ".weight"], table)
        self.assertNotIn(HEAD + ".weight", got)
        self.assertIs(config["tie_word_embeddings"], True)


class RefusalTest(AdapterTest):
    LORA_Q = {Q + ".lora_A.weight": random((2, 8), 10), Q + ".lora_B.weight": random((8, 2), 11)}

    def check(self, text, tensors, config=LORA, **more):
        self.base()
        self.refuses(text, self.path("base"), self.adapter(tensors, config, **more))

    def test_another_models_adapter(self):
        self.check("is this the model", {Q + ".lora_A.weight": random((2, 9), 1), Q + ".lora_B.weight": random((8, 2), 1)})
        self.check("is missing", {"model.layers.7.self_attn.q_proj" + key[len(Q):]: value for key, value in self.LORA_Q.items()})

    def test_a_base_that_its_configuration_does_not_fit(self):
        tensors = self.base()
        down = "model.layers.0.mlp.down_proj.weight"
        for change, text in (({down: random((12, 8), 1)}, "expected shape [8, 12] by the configuration, got [12, 8]"),
                             ({down: None}, f"tensor '{down}' is missing, expected one of shape [8, 12]"),
                             ({down: np.ones((8, 12), np.int32)}, "is stored as i32, which is not supported as a weight")):
            broken = {key: value for key, value in {**tensors, **change}.items() if value is not None}
            self.write("base", broken, "model.safetensors", LLAMA, "config.json")
            self.refuses(text, self.path("base"))
        self.write("base", broken, "model.safetensors", {**LLAMA, "model_type": "unheard"}, "config.json")
        self.refuses("is stored as i32", self.path("base"))  # found on the way

    def test_half_a_pair(self):
        self.check("lora_A without lora_B", {Q + ".lora_A.weight": random((2, 8), 1)})

    def test_rank_of_the_recipe(self):
        self.check("has rank 2, but adapter_config.json says 3", self.LORA_Q, {**LORA, "r": 3})

    def test_token_ids(self):
        rows = {**self.LORA_Q, EMBED + ".token_adapter.trainable_tokens_delta": random((2, 8), 1)}
        self.check("names other rows", rows, {**LORA, "trainable_token_indices": [1]})
        self.check("outside of the base's 16", rows, {**LORA, "trainable_token_indices": [1, 16]})

    def test_no_recipe(self):
        self.check("expected adapter_config.json", {"base_model.model." + key: value for key, value in self.LORA_Q.items()}, None)

    def test_what_is_not_linear(self):
        prompt = {"peft_type": "PROMPT_TUNING", "task_type": "CAUSAL_LM", "num_virtual_tokens": 3, "token_dim": 8}
        self.check("a soft prompt is a part of the input", {"prompt_embeddings": random((3, 8), 1)}, prompt)
        self.check("use_dora", self.LORA_Q, {**LORA, "use_dora": True})

    def test_bias_without_a_place(self):
        tensors = {V + ".lora_A.weight": random((2, 8), 1), V + ".lora_B.weight": random((4, 2), 1), V + ".lora_B.bias": random((4,), 1)}
        self.check("has no " + V + ".bias", tensors, {**LORA, "target_modules": ["v_proj"], "lora_bias": True})

    def test_paths(self):
        self.base()
        self.refuses("there is no such file or folder", self.path("nothing"))
        self.refuses("nothing", self.path("base"), self.path("nothing"))
        self.refuses("expected a new or empty folder", self.path("base"), output="base")
        self.refuses("--dtype: expected", self.path("base"), "--dtype=int8")
        self.refuses("--max-shard-size: expected", self.path("base"), "--max-shard-size=none")
