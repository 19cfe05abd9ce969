"""A tiny sentence encoder with everything that a real one has, and the vectors that sentence-transformers gives for it.

Writes test/fixtures/tiny-encoder/: a sentence-transformers folder (BERT of 4 layers, WordPiece vocabulary trained on the texts below, mean
pooling, unit length, two prompts, 64 tokens at most) and golden.json: texts, prompts, normalized and raw vectors.

Run in the repository's root:  python tools/oracles/sentence_encoder.py
Needs torch, transformers, sentence-transformers, tokenizers; versions and seed stand in golden.json.
"""
import json, os, shutil
import sentence_transformers, tokenizers, torch, transformers
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling
from sentence_transformers.base.modules import Normalize, Transformer
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

SEED, OUT, WORK = 20261123, "test/fixtures/tiny-encoder", "test/fixtures/tiny-encoder.tmp"
TEXTS = [
    "A pipeline splits the layers of a model across workers.", "Workers hold consecutive layers and pass activations on.",
    "I had pancakes for breakfast.", "The quick brown fox jumps over the lazy dog.", "short", "Numbers 1 2 3 and symbols %$#@!",
    "Le chat est assis sur le tapis, près de la fenêtre.", "x " * 100, "stage stages staging staged", "emoji 😀 and CJK 中文 and ЗДРАВСТВУЙ",
    "the of and to in is it for on with as at by from or an be this that are was", "   spaces   around   ", "UPPER lower MiXeD",
]
torch.manual_seed(SEED)
torch.set_num_threads(1)
shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(f"{WORK}/base")

special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
tokenizer.decoder = decoders.WordPiece()
tokenizer.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=200, min_frequency=1, special_tokens=special, show_progress=False))
tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                         special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]",
                               mask_token="[MASK]", model_max_length=64)
fast.save_pretrained(f"{WORK}/base")
model = BertModel(BertConfig(vocab_size=tokenizer.get_vocab_size(), hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=64,
                             max_position_embeddings=96, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.3))
with torch.no_grad():
    for parameter in model.parameters():
        parameter.add_(torch.randn(parameter.shape) * 0.05)
model.save_pretrained(f"{WORK}/base")

transformer = Transformer(f"{WORK}/base", max_seq_length=64)
encoder = SentenceTransformer(modules=[transformer, Pooling(32, "mean"), Normalize()], prompts={"query": "query: ", "passage": "passage: "}, device="cpu")
encoder.save_pretrained(OUT)
shutil.rmtree(WORK)
for extra in ("README.md", "2_Normalize"):
    path = f"{OUT}/{extra}"
    shutil.rmtree(path) if os.path.isdir(path) else os.path.exists(path) and os.remove(path)

encoder = SentenceTransformer(OUT, device="cpu")
vectors = lambda **options: [[float(x) for x in row] for row in encoder.encode(TEXTS, batch_size=4, **options)]
json.dump(dict(program="tools/oracles/sentence_encoder.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
               sentence_transformers=sentence_transformers.__version__, tokenizers=tokenizers.__version__,
               max_seq_length=encoder.max_seq_length, texts=TEXTS, embeddings=vectors(), query_embeddings=vectors(prompt_name="query"),
               token_ids=[fast.encode(text, truncation=True, max_length=64) for text in TEXTS]),
          open(f"{OUT}/golden.json", "w"), indent=None)
