"""Vocabularies trained by Rust's WordPieceTrainer, with what the tokenizers made of them give.

Run: python tools/oracles/tokenizer_training.py      (from the root of the repository)
Writes libs/tokenizer/fixtures/training.json.gz.
Versions: tokenizers 0.23.3, Python 3.11. Seed: 20261123 for the text. Rust's own ids of characters inside words depend on
hash seeds that cannot be set; the test takes their order from the vocabulary.
"""

import gzip, json, random
from pathlib import Path

import tokenizers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tokenizer_texts import corpus, hostile

SEED = 20261123
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
RUNS = [
    {"vocab_size": 120, "min_frequency": 0},
    {"vocab_size": 400, "min_frequency": 2},
    {"vocab_size": 2000, "min_frequency": 3},
    {"vocab_size": 400, "min_frequency": 2, "initial_alphabet": ["q", "\u00df", "\U0001f600"]},
    {"vocab_size": 400, "min_frequency": 2, "lowercase": False, "continuing_subword_prefix": "@@"},
]


def train(lines, options):
    options = dict(options)
    lowercase = options.pop("lowercase", True)
    prefix = options.get("continuing_subword_prefix", "##")
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", continuing_subword_prefix=prefix))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(lines, trainers.WordPieceTrainer(special_tokens=SPECIALS, show_progress=False, **options))
    ids = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ids)
    tokenizer.decoder = decoders.WordPiece(prefix=prefix)
    return tokenizer


def main():
    rnd = random.Random(SEED)
    lines = corpus(rnd, 400) + [hostile(rnd, SPECIALS) for _ in range(80)]
    texts = [hostile(rnd, SPECIALS) for _ in range(60)]
    runs = []
    for options in RUNS:
        tokenizer = train(lines, options)
        runs.append({"options": options, "file": json.loads(tokenizer.to_str()), "ids": [tokenizer.encode(text).ids for text in texts]})
    document = {"program": "tools/oracles/tokenizer_training.py", "tokenizers": tokenizers.__version__, "seed": SEED, "lines": lines, "texts": texts, "runs": runs}
    path = Path("libs/tokenizer/fixtures/training.json.gz")
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as packed:
        packed.write(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
