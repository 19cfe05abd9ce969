"""Expected values for libs/tokenizer from Rust's tokenizers (through its Python package).

Run: python tools/oracles/tokenizer_oracle.py        (from the root of the repository)
Writes libs/tokenizer/fixtures/tokenizers.json.gz and nmt_nfkc.charsmap.gz.
Versions: tokenizers 0.23.3, sentencepiece 0.2.3 (only to compile its nmt_nfkc character map), Python 3.11. Seed: 20261123.

Small models are trained on text that tokenizer_texts.py generates; variants of them differ in normalizer, pre-tokenizer,
post-processor, decoder and added tokens. For each there are texts with everything that encoding them gives. Offsets are
in code points. The training of BPE and Unigram models depends on hash seeds, so a new run gives other vocabularies.
"""

import base64, gzip, io, json, os, random
from pathlib import Path

os.environ.setdefault("RUST_BACKTRACE", "0")
import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
import sentencepiece
from sentencepiece import sentencepiece_model_pb2

from tokenizer_texts import corpus, hostile

SEED = 20261123
rnd = random.Random(SEED)
LINES = corpus(rnd, 3000)
P, N, D, R = pre_tokenizers, normalizers, decoders, processors

ADDED = [
    AddedToken("<x>", special=True), AddedToken("<left>", lstrip=True, special=True), AddedToken("<right>", rstrip=True, special=True),
    AddedToken("<both>", lstrip=True, rstrip=True, special=True), AddedToken("Foo", normalized=True),
    AddedToken("\u00c9c", normalized=True, single_word=True), AddedToken("zed", normalized=False, single_word=True, rstrip=True),
    AddedToken("fox ju", normalized=True), AddedToken("<xy>", special=True), AddedToken("<x", normalized=False),
]
# Without tokens that contain or reach over spaces: only then may words be tokenized one by one.
ADDED_IN_WORDS = [token for token in ADDED if token.content not in ("fox ju", "<both>", "zed")]


def train(model, trainer, normalizer=None, pre_tokenizer=None):
    tokenizer = Tokenizer(model)
    if normalizer:
        tokenizer.normalizer = normalizer
    if pre_tokenizer:
        tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.train_from_iterator(LINES, trainer)
    return tokenizer


def template(tokenizer, single, pair, specials):
    return R.TemplateProcessing(single=single, pair=pair, special_tokens=[(token, tokenizer.token_to_id(token)) for token in specials])


def word_piece(specials):
    return train(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer(vocab_size=700, min_frequency=2, special_tokens=specials, show_progress=False),
        N.BertNormalizer(), P.BertPreTokenizer(),
    )


def byte_level():
    return train(
        models.BPE(),
        trainers.BpeTrainer(vocab_size=700, min_frequency=2, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], initial_alphabet=sorted(P.ByteLevel.alphabet()), show_progress=False),
        None, P.ByteLevel(add_prefix_space=False),
    )


def unigram():
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    return train(
        models.Unigram(),
        trainers.UnigramTrainer(vocab_size=700, special_tokens=specials, unk_token="<unk>", show_progress=False),
        N.NFKC(), P.Sequence([P.WhitespaceSplit(), P.Metaspace()]),
    )


def character_map():
    """sentencepiece's nmt_nfkc rules, as every model that uses them carries them."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line.replace("\x00", "") for line in LINES), model_writer=model, vocab_size=1000, hard_vocab_limit=False,
        normalization_rule_name="nmt_nfkc", minloglevel=2, num_threads=1)
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def variants():
    """name -> (tokenizer, number of texts)"""
    result = {}

    def add(name, base, num_cases, added=ADDED_IN_WORDS, **parts):
        tokenizer = Tokenizer.from_str(base.to_str())
        for part, value in parts.items():
            if part != "model":
                setattr(tokenizer, part, value)
        tokenizer.add_tokens([token for token in added if not token.special])
        tokenizer.add_special_tokens([token for token in added if token.special])
        result[name] = (tokenizer, num_cases)
        return tokenizer

    bert = word_piece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    cls_sep = template(bert, "[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ["[CLS]", "[SEP]"])
    add("bert-uncased", bert, 180, [], post_processor=cls_sep, decoder=D.WordPiece())
    add("bert-uncased-added", bert, 100, ADDED, post_processor=cls_sep, decoder=D.WordPiece())
    processing = R.BertProcessing(("[SEP]", bert.token_to_id("[SEP]")), ("[CLS]", bert.token_to_id("[CLS]")))
    add("bert-cased", bert, 50, normalizer=N.BertNormalizer(lowercase=False), post_processor=processing, decoder=D.WordPiece(cleanup=False))
    add("bert-raw", bert, 50, normalizer=N.BertNormalizer(clean_text=False, handle_chinese_chars=False, strip_accents=True, lowercase=False), post_processor=cls_sep)
    add("bert-keeps-accents", bert, 50, normalizer=N.BertNormalizer(strip_accents=False), post_processor=cls_sep)
    mpnet = word_piece(["<s>", "<pad>", "</s>", "[UNK]", "<mask>"])
    roberta = lambda trim, prefix: R.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=trim, add_prefix_space=prefix)
    add("mpnet", mpnet, 50, [AddedToken("<mask>", lstrip=True, special=True)], post_processor=roberta(True, False), decoder=D.WordPiece())

    bpe = byte_level()
    mask = [AddedToken("<mask>", lstrip=True, special=True)]
    add("roberta", bpe, 180, mask, post_processor=roberta(True, False), decoder=D.ByteLevel())
    add("roberta-added", bpe, 50, ADDED + mask, post_processor=roberta(True, False), decoder=D.ByteLevel())
    add("roberta-prefix-space", bpe, 100, mask, pre_tokenizer=P.ByteLevel(add_prefix_space=True), post_processor=roberta(True, True), decoder=D.ByteLevel())
    add("byte-level-untrimmed", bpe, 50, normalizer=N.NFC(), post_processor=R.ByteLevel(trim_offsets=False), decoder=D.ByteLevel())
    bos = template(bpe, "<s> $A", "<s> $A <s> $B:1", ["<s>"])
    cl100k = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    possessive = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
    o200k = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    for name, expression in (("cl100k", cl100k), ("possessive", possessive), ("o200k", o200k)):
        split = P.Sequence([P.Split(Regex(expression), "isolated"), P.ByteLevel(add_prefix_space=False, use_regex=False)])
        add(f"split-{name}", bpe, 50, pre_tokenizer=split, post_processor=R.Sequence([R.ByteLevel(trim_offsets=True), bos]), decoder=D.ByteLevel())
    clip = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    add("split-inverted", bpe, 40, pre_tokenizer=P.Sequence([P.Split(Regex(clip), "removed", invert=True), P.ByteLevel(False, use_regex=False)]), decoder=D.ByteLevel())
    add("digits-byte-level", bpe, 40, pre_tokenizer=P.Sequence([P.Digits(individual_digits=True), P.ByteLevel(True)]), decoder=D.ByteLevel())

    sentence_piece = unigram()
    xlmr = template(sentence_piece, "<s> $A </s>", "<s> $A </s> </s> $B </s>", ["<s>", "</s>"])
    precompiled = N.Precompiled(character_map())
    collapse = N.Replace(Regex(" {2,}"), " ")
    add("xlm-roberta", sentence_piece, 180, mask, normalizer=precompiled, post_processor=xlmr, decoder=D.Metaspace())
    add("xlm-roberta-added", sentence_piece, 50, ADDED + mask, normalizer=precompiled, post_processor=xlmr, decoder=D.Metaspace())
    add("metaspace-always", sentence_piece, 100, normalizer=N.Sequence([precompiled, collapse]), pre_tokenizer=P.Metaspace(), post_processor=xlmr, decoder=D.Metaspace())
    add("metaspace-spaces", sentence_piece, 40, [], normalizer=precompiled, pre_tokenizer=P.Metaspace())
    add("metaspace-first", sentence_piece, 50, normalizer=N.Sequence([N.Strip(), N.Nmt()]), pre_tokenizer=P.Metaspace(prepend_scheme="first"), decoder=D.Metaspace(prepend_scheme="first"))
    add("metaspace-never", sentence_piece, 40, pre_tokenizer=P.Metaspace(prepend_scheme="never"), decoder=D.Metaspace(prepend_scheme="never"))
    add("metaspace-unsplit", sentence_piece, 40, pre_tokenizer=P.Metaspace(split=False))
    add("t5", sentence_piece, 50, normalizer=N.Sequence([precompiled, N.Strip(left=False), N.Replace(Regex(" {2,}"), "\u2581")]), pre_tokenizer=P.Metaspace(), post_processor=xlmr, decoder=D.Metaspace())
    add("albert", sentence_piece, 50, normalizer=N.Sequence([N.Replace("``", '"'), N.Replace("''", '"'), N.NFKD(), N.StripAccents(), N.Lowercase(), precompiled]), pre_tokenizer=P.Metaspace(), post_processor=xlmr)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        add(f"form-{form.lower()}", sentence_piece, 50, [], normalizer=getattr(N, form)())
    add("prepend-and-replace", sentence_piece, 40, normalizer=N.Sequence([N.Prepend("_"), N.Replace(Regex(r"\s+|[aeiou]$"), "yy"), N.ByteLevel()]), pre_tokenizer=P.FixedLength(3))
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        splitters = [P.Split("o", behavior), P.Punctuation(behavior), P.Split(Regex(r"\d|\s"), behavior, invert=behavior == "contiguous")]
        add(f"behavior-{behavior}", sentence_piece, 30, [], pre_tokenizer=P.Sequence(splitters))
    add("delimiter-and-digits", sentence_piece, 30, [], pre_tokenizer=P.Sequence([P.CharDelimiterSplit("e"), P.Digits(False), P.Whitespace()]))
    fallback = json.loads(sentence_piece.to_str())
    fallback["model"]["vocab"] += [[f"<0x{byte:02X}>", -20.0] for byte in range(256)]
    fallback["model"]["byte_fallback"] = True
    add("unigram-byte-fallback", Tokenizer.from_str(json.dumps(fallback)), 40, [], decoder=D.Sequence([D.ByteFallback(), D.Metaspace()]))

    llama = train(
        models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        trainers.BpeTrainer(vocab_size=600, limit_alphabet=60, special_tokens=["<unk>", "<s>"] + [f"<0x{byte:02X}>" for byte in range(256)], show_progress=False),
        N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")]),
    )
    plain = json.loads(llama.to_str())
    plain["added_tokens"] = [token for token in plain["added_tokens"] if not token["content"].startswith("<0x")]
    strip = D.Sequence([D.Replace("\u2581", " "), D.ByteFallback(), D.Fuse(), D.Strip(" ", 1, 0)])
    add("llama", Tokenizer.from_str(json.dumps(plain)), 50, mask, post_processor=template(llama, "<s> $A", "<s> $A <s>:1 $B:1", ["<s>"]), decoder=strip)
    for byte in range(0x80, 0x90):
        del plain["model"]["vocab"][f"<0x{byte:02X}>"]
    plain["model"]["fuse_unk"] = False
    add("partial-byte-fallback", Tokenizer.from_str(json.dumps(plain)), 40, [])
    suffixed = train(
        models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True),
        trainers.BpeTrainer(vocab_size=500, limit_alphabet=40, special_tokens=["<unk>"], end_of_word_suffix="</w>", show_progress=False),
        N.Sequence([N.NFD(), N.Lowercase(), N.StripAccents()]), P.WhitespaceSplit(),
    )
    add("bpe-suffix", suffixed, 40, decoder=D.BPEDecoder())
    dropping = json.loads(suffixed.to_str())
    dropping["model"]["unk_token"] = None
    add("bpe-dropping", Tokenizer.from_str(json.dumps(dropping)), 30, [])
    levels = train(models.WordLevel(unk_token="<unk>"), trainers.WordLevelTrainer(special_tokens=["<unk>"], vocab_size=200, show_progress=False), None, P.Whitespace())
    add("word-level", levels, 30)
    return result


def encoding(e):
    """Lists in the order of COLUMNS."""
    offsets = [position for pair in e.offsets for position in pair]
    overflowing = [[o.ids, [position for pair in o.offsets for position in pair], o.word_ids, o.type_ids] for o in e.overflowing]
    return [e.ids, e.tokens, offsets, e.word_ids, e.type_ids, e.special_tokens_mask, e.sequence_ids, overflowing]


COLUMNS = ["ids", "tokens", "offsets", "wordIds", "typeIds", "specialTokensMask", "sequenceIds", "overflowing"]


def truncation_for(tokenizer, is_pair, with_special):
    num_special = tokenizer.num_special_tokens_to_add(is_pair)
    max_length = rnd.choice([0, 1, 2, 3, 4, 5, 7, 12]) + (num_special if with_special else 0)
    stride = rnd.choice([0, 0, 1, 2])
    if stride >= max(1, max_length - num_special - 1) or max_length < num_special:
        stride, max_length = 0, max(max_length, num_special)
    strategy = rnd.choice(["longest_first", "longest_first", "only_first", "only_second"])
    return {"maxLength": max_length, "strategy": strategy, "stride": stride, "direction": rnd.choice(["right", "left"])}


def case(tokenizer, added):
    text = hostile(rnd, added)
    pair = hostile(rnd, added) if rnd.random() < 0.2 else None
    with_special = rnd.random() < 0.85
    row = {"text": text, "pair": pair, "special": with_special, "truncation": None, "encoding": None, "decoded": None}
    if rnd.random() < 0.25:
        row["truncation"] = truncation_for(tokenizer, pair is not None, with_special)
        options = {**row["truncation"]}
        tokenizer.enable_truncation(options.pop("maxLength"), **options)
    try:
        e = tokenizer.encode(text, pair, add_special_tokens=with_special)
        row["encoding"] = encoding(e)
        if row["truncation"] is None and rnd.random() < 0.5:
            row["decoded"] = [tokenizer.decode(e.ids, skip_special_tokens=False), tokenizer.decode(e.ids)]
    except BaseException:  # an impossible truncation: no encoding
        pass
    tokenizer.no_truncation()
    return row


def columns(cases):
    """Lists by column: they compress better than rows."""
    result = {key: [row[key] for row in cases] for key in ("text", "pair", "special", "truncation", "decoded")}
    for i, key in enumerate(COLUMNS):
        result[key] = [row["encoding"] and row["encoding"][i] for row in cases]
    return result


def planes(character_map):
    """The map with its trie (32-bit units after a 32-bit length in bytes) as four planes of bytes, for compression."""
    end = 4 + int.from_bytes(character_map[:4], "little")
    trie = character_map[4:end]
    return character_map[:4] + b"".join(trie[i::4] for i in range(4)) + character_map[end:]


def write(name, content):
    path = Path("libs/tokenizer/fixtures") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as packed:
        packed.write(content)
    print(path, path.stat().st_size, "bytes")


def main():
    character_maps, shared_models, output = [], [], []

    def without_maps(part):
        """The part with each character map taken out: there is only one, which has a file of its own."""
        if isinstance(part, list):
            return [without_maps(value) for value in part]
        if not isinstance(part, dict):
            return part
        if "precompiled_charsmap" in part:
            character_maps.append(part["precompiled_charsmap"])
            return {**part, "precompiled_charsmap": "nmt_nfkc"}
        return {key: without_maps(value) for key, value in part.items()}

    for name, (tokenizer, num_cases) in variants().items():
        file = json.loads(tokenizer.to_str())
        added = [token["content"] for token in file["added_tokens"]]
        added += [token.upper() for token in added] + [f" {token}  " for token in added] + [f"a{token}b" for token in added]
        cases = columns([case(tokenizer, added) for _ in range(num_cases)])
        model = file.pop("model")
        if model not in shared_models:
            shared_models.append(model)
        output.append({"name": name, "tokenizer": {**without_maps(file), "model": shared_models.index(model)}, "cases": cases})
    assert len(set(character_maps)) == 1
    about = {"program": "tools/oracles/tokenizer_oracle.py", "tokenizers": tokenizers.__version__, "sentencepiece": sentencepiece.__version__, "seed": SEED}
    document = {**about, "models": shared_models, "variants": output}
    write("tokenizers.json.gz", json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))
    write("nmt_nfkc.charsmap.gz", planes(base64.b64decode(character_maps[0])))
    print(sum(len(entry["cases"]["text"]) for entry in output), "texts,", len(output), "tokenizers")


if __name__ == "__main__":
    main()
