"""Expected values for libs/training/src/data from the programs that it follows.

Run: python tools/oracles/training_data.py PATH_OF_create_pretraining_data.py       (from the root of the repository)
Writes libs/training/fixtures/data.json.
Versions: google-research/bert commit eedf5716ce1268e56f0a50264a88cafad334ac61 (create_pretraining_data.py, with its file
reading and writing left out), transformers 5.23.0, torch 2.15.0, tokenizers 0.23.3, Python 3.11. Seeds: 12345 (Google's
default) and 7.

- pretraining: instances that create_instances_from_document makes in two passes over a few documents, with Python's own
  random numbers, with and without whole words.
- lengthGroups: get_length_grouped_indices of transformers, with the permutation that it drew.
- questions: windows and spans as run_qa.py's prepare_train_features computes them (its loop is repeated here).
- tags: labels of pieces as run_ner.py's tokenize_and_align_labels computes them (likewise).
"""

import json, random, sys, types
from pathlib import Path

VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(40)] + [f"##p{i}" for i in range(20)]


def google_module(path, whole_words):
    flags = types.SimpleNamespace(do_whole_word_mask=whole_words)
    define = lambda *args, **kwargs: None
    tf = types.ModuleType("tensorflow")
    tf.flags = types.SimpleNamespace(FLAGS=flags, DEFINE_string=define, DEFINE_bool=define, DEFINE_integer=define, DEFINE_float=define)
    sys.modules["tensorflow"] = tf
    sys.modules["tokenization"] = types.ModuleType("tokenization")
    module = types.ModuleType("create_pretraining_data")
    exec(compile(Path(path).read_text(), path, "exec"), module.__dict__)
    return module


def documents(rng):
    """Documents of sentences of words of one to four pieces."""
    def sentence():
        tokens = []
        for _ in range(rng.randint(1, 9)):
            tokens.append(f"w{rng.randint(0, 39)}")
            tokens += [f"##p{rng.randint(0, 19)}" for _ in range(rng.choice([0, 0, 0, 1, 3]))]
        return tokens
    return [[sentence() for _ in range(rng.choice([1, 2, 5, 12]))] for _ in range(7)]


def pretraining(path):
    cases = []
    for whole_words, max_length, max_predictions, short in [(False, 48, 7, 0.1), (True, 48, 7, 0.1), (False, 24, 20, 0.9)]:
        google = google_module(path, whole_words)
        docs = documents(random.Random(7))
        rng = random.Random(12345)
        shuffled = list(docs)
        rng.shuffle(shuffled)
        instances = []
        for _ in range(2):
            for index in range(len(shuffled)):
                made = google.create_instances_from_document(
                    shuffled, index, max_length, short, 0.15, max_predictions, VOCAB, rng)
                instances += [{
                    "document": docs.index(shuffled[index]),
                    "ids": [VOCAB.index(t) for t in each.tokens],
                    "firstSegment": each.segment_ids.index(1),
                    "isRandomNext": each.is_random_next,
                    "positions": each.masked_lm_positions,
                    "labels": [VOCAB.index(t) for t in each.masked_lm_labels],
                } for each in made]
        cases.append({
            "wholeWords": whole_words, "maxLength": max_length, "maxPredictions": max_predictions, "shortSequenceProbability": short,
            "documents": [[[VOCAB.index(t) for t in s] for s in d] for d in docs], "instances": instances,
        })
    return cases


def length_groups():
    import torch
    from transformers.trainer_pt_utils import get_length_grouped_indices
    rng = random.Random(7)
    cases = []
    for size, batch_size in [(103, 4), (64, 8), (5, 4)]:
        lengths = [rng.randint(3, 30) for _ in range(size)]
        seeded = lambda: torch.Generator().manual_seed(7)
        order = torch.randperm(size, generator=seeded()).tolist()
        grouped = get_length_grouped_indices(lengths, batch_size, generator=seeded())
        cases.append({"lengths": lengths, "batchSize": batch_size, "order": order, "grouped": grouped})
    return cases


WORDS = ["the", "river", "runs", "north", "to", "##ward", "sea", "who", "where", "does", "it", "run", "?", ".", ",", "paris", "old", "##er", "town", "Z"]


def bert_tokenizer():
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    vocab = {token: i for i, token in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", sep_token="[SEP]", cls_token="[CLS]", pad_token="[PAD]", mask_token="[MASK]")


def questions(tokenizer):
    context = "\U0001F600 The river runs northward to the old town. It runs, older, to the sea, to paris, northward."
    asked = [("where does it run?", "the sea"), (" who runs", "northward"), ("where", "\U0001F600"), ("does it run?", None), ("who", "northw")]
    cases = []
    for question, text in asked:
        answers = {"text": [], "answer_start": []} if text is None else {"text": [text], "answer_start": [context.index(text)]}
        for max_length, stride in [(64, 16), (16, 4)]:
            encoded = tokenizer(question.lstrip(), context, truncation="only_second", max_length=max_length, stride=stride,
                                return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True)
            windows = []
            for i, offsets in enumerate(encoded["offset_mapping"]):
                ids, sequence_ids, cls = encoded["input_ids"][i], encoded.sequence_ids(i), 0
                start, end = cls, cls
                if text is not None:
                    start_char = answers["answer_start"][0]
                    end_char = start_char + len(text)
                    first = sequence_ids.index(1)
                    last = len(ids) - 1
                    while sequence_ids[last] != 1:
                        last -= 1
                    if offsets[first][0] <= start_char and offsets[last][1] >= end_char:
                        while first < len(offsets) and offsets[first][0] <= start_char:
                            first += 1
                        start = first - 1
                        while offsets[last][1] >= end_char:
                            last -= 1
                        end = last + 1
                windows.append({"ids": ids, "firstSegment": encoded["token_type_ids"][i].index(1), "start": start, "end": end})
            cases.append({"question": question, "context": context, "answers": answers, "maxLength": max_length, "stride": stride, "windows": windows})
    return cases


def tags(tokenizer):
    names = ["B-LOC", "I-LOC", "O"]
    rows = [(["The", "older", "town", "runs", "northward", "."], ["O", "B-LOC", "I-LOC", "O", "B-LOC", "O"]),
            (["Paris", "northward,"], ["B-LOC", "O"])]
    cases = []
    for all_pieces in (False, True):
        for tokens, labels in rows:
            for max_length in (32, 7):
                encoded = tokenizer(tokens, is_split_into_words=True, truncation=True, max_length=max_length)
                aligned, previous = [], None
                for word in encoded.word_ids():
                    if word is None:
                        aligned.append(-100)
                    elif word != previous:
                        aligned.append(names.index(labels[word]))
                    elif all_pieces:
                        inside = "I-" + labels[word][2:]
                        aligned.append(names.index(inside if labels[word].startswith("B-") and inside in names else labels[word]))
                    else:
                        aligned.append(-100)
                    previous = word
                cases.append({"tokens": tokens, "tags": labels, "allPieces": all_pieces, "maxLength": max_length, "ids": encoded["input_ids"], "labels": aligned})
    return cases


def main():
    tokenizer = bert_tokenizer()
    values = {"vocabulary": VOCAB, "pretraining": pretraining(sys.argv[1]), "lengthGroups": length_groups(), "words": WORDS, "questions": questions(tokenizer), "tags": tags(tokenizer)}
    Path("libs/training/fixtures/data.json").write_text(json.dumps(values, separators=(",", ":")) + "\n")


main()
