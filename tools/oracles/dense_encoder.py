"""A tiny sentence encoder with dense modules and two poolings, and what sentence-transformers makes of its folder in other forms.

Writes test/fixtures/dense-encoder/: a sentence-transformers folder (BERT of 2 layers with the activation silu, the tiny encoder's vocabulary
without its lower-casing, mean and first token one after the other, a dense module with tanh, one without activation and bias) and golden.json:
texts, and for each case the JSON files that are written into a copy of the folder (null: removed) and the vectors that come out then.

Run in the repository's root, after sentence_encoder.py:  python tools/oracles/dense_encoder.py
Needs torch, transformers, sentence-transformers, tokenizers; versions and seed stand in golden.json.
"""
import json, os, shutil, tempfile
import sentence_transformers, tokenizers, torch, transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from tokenizers import Tokenizer, normalizers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

SEED, OUT, TINY = 20261127, "test/fixtures/dense-encoder", "test/fixtures/tiny-encoder"
TEXTS = ["I had pancakes for breakfast.", "short", "UPPER lower MiXeD", "the of and to in is it for on with as at by from or an be", "Workers hold layers."]
torch.manual_seed(SEED)
torch.set_num_threads(1)
shutil.rmtree(OUT, ignore_errors=True)

with tempfile.TemporaryDirectory() as base:
    tokenizer = Tokenizer.from_file(f"{TINY}/tokenizer.json")
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=False)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]",
                            model_max_length=32).save_pretrained(base)
    model = BertModel(BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
                                 max_position_embeddings=40, hidden_act="silu", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                                 initializer_range=0.3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    model.save_pretrained(base)
    SentenceTransformer(modules=[Transformer(base), Pooling(16, ["mean", "cls"]), Dense(32, 12),
                                 Dense(12, 8, bias=False, activation_function=torch.nn.Identity())],
                        prompts={"query": "find a text: "}, device="cpu").save_pretrained(OUT)
if os.path.exists(f"{OUT}/README.md"):
    os.remove(f"{OUT}/README.md")

read = lambda path: json.load(open(f"{OUT}/{path}"))
modules, dense, prompts = read("modules.json"), read("2_Dense/config.json"), read("config_sentence_transformers.json")
normalize = dict(idx=3, name="3", path="unit_length", type="sentence_transformers.base.modules.normalize.Normalize")
flags = dict(word_embedding_dimension=16, pooling_mode_cls_token=True, pooling_mode_mean_tokens=True, pooling_mode_max_tokens=False,
             pooling_mode_mean_sqrt_len_tokens=False)
identity = "torch.nn.modules.linear.Identity"
CASES = {
    "as it is": {},
    "poolings as the flags of older versions": {"1_Pooling/config.json": flags},
    "last token, then the largest values": {"1_Pooling/config.json": dict(embedding_dimension=16, pooling_mode=["lasttoken", "max"])},
    "a dense module without activation": {"2_Dense/config.json": {**dense, "activation_function": identity}},
    "unit length between two dense modules": {"modules.json": [*modules[:3], normalize, {**modules[3], "idx": 4, "name": "4"}],
                                              "unit_length/config.json": {}},
    "a shorter longest text and lower case, in a file of an older name": {
        "sentence_bert_config.json": None, "sentence_roberta_config.json": dict(max_seq_length=12, do_lower_case=True)},
    "a default prompt": {"config_sentence_transformers.json": {**prompts, "default_prompt_name": "query"}},
}


def vectors(files):
    with tempfile.TemporaryDirectory() as parent:
        folder = shutil.copytree(OUT, f"{parent}/model")
        for path, content in files.items():
            os.makedirs(os.path.dirname(f"{folder}/{path}"), exist_ok=True)
            if content is None:
                os.remove(f"{folder}/{path}")
            else:
                json.dump(content, open(f"{folder}/{path}", "w"))
        encoder = SentenceTransformer(folder, device="cpu")
        return [[float(x) for x in row] for row in encoder.encode(TEXTS, batch_size=2)]


cases = [dict(name=name, files=files, embeddings=vectors(files)) for name, files in CASES.items()]
json.dump(dict(program="tools/oracles/dense_encoder.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
               sentence_transformers=sentence_transformers.__version__, tokenizers=tokenizers.__version__, texts=TEXTS, cases=cases),
          open(f"{OUT}/golden.json", "w"), indent=None)
