"""A trained model's folder in transformers and sentence-transformers. Reads {"folder", "texts"} from stdin, prints JSON:
ids and type ids of each text, the task's logits (of all tokens for masked-LM), the labels, and the vectors of the sentence encoder.

Run by test/interop/trainedModel.test.ts in the environment of bench/peers (torch, transformers, sentence-transformers).
"""
import json, sys
import torch, transformers
from sentence_transformers import SentenceTransformer

spec = json.load(sys.stdin)
folder = spec["folder"]
torch.set_num_threads(1)
config = transformers.AutoConfig.from_pretrained(folder)
is_masked_lm = config.architectures[0].endswith("ForMaskedLM")
auto = transformers.AutoModelForMaskedLM if is_masked_lm else transformers.AutoModelForSequenceClassification
model, info = auto.from_pretrained(folder, output_loading_info=True)
model.eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
encoded = [tokenizer(text, return_tensors="pt") for text in spec["texts"]]
with torch.no_grad():
    logits = [model(**each).logits[0].double().tolist() for each in encoded]
vectors = None if is_masked_lm else SentenceTransformer(folder, device="cpu").encode(spec["texts"]).tolist()
print(json.dumps(dict(
    ids=[each["input_ids"][0].tolist() for each in encoded],
    logits=logits,
    labels=[config.id2label[at] for at in range(config.num_labels)],
    vectors=vectors,
    # Neither missing nor left over: what from_pretrained would warn of.
    loading={name: sorted(str(key) for key in keys) for name, keys in info.items() if keys},
    architecture=type(model).__name__,
    version=transformers.__version__,
)))
