"""A tokenizer.json of ours in Python's tokenizers. Reads {"path", "texts"} from stdin, prints ids, tokens and offsets as JSON.

Run by test/interop/files.test.ts in the environment of tools/python.
"""
import json, sys
from tokenizers import Tokenizer

spec = json.load(sys.stdin)
tokenizer = Tokenizer.from_file(spec["path"])
encodings = [tokenizer.encode(text) for text in spec["texts"]]
print(json.dumps(dict(
    encodings=[dict(ids=each.ids, tokens=each.tokens, offsets=each.offsets) for each in encodings],
    decoded=[tokenizer.decode(each.ids) for each in encodings],
    vocab_size=tokenizer.get_vocab_size(),
)))
