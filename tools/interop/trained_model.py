"""A trained model's folder in transformers and sentence-transformers. Reads {"folder", "texts", "masked"} from stdin, prints JSON:
ids and type ids of each text, the task's logits (of all tokens for masked-LM, start and end of all tokens for question answering), the
labels, the vectors of the sentence encoder (classification only), and what the fill-mask pipeline says of "masked" (masked-LM only).

Run by test/interop/trainedModel.test.ts in the environment of bench/peers (torch, transformers, sentence-transformers).
"""
import json, sys
import torch, transformers
from sentence_transformers import SentenceTransformer

spec = json.load(sys.stdin)
folder = spec["folder"]
torch.set_num_threads(1)
config = transformers.AutoConfig.from_pretrained(folder)
heads = dict(MaskedLM=transformers.AutoModelForMaskedLM, QuestionAnswering=transformers.AutoModelForQuestionAnswering,
             SequenceClassification=transformers.AutoModelForSequenceClassification)
head = config.architectures[0].split("For")[1]
auto = heads[head]
model, info = auto.from_pretrained(folder, output_loading_info=True)
model.eval()
tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
encoded = [tokenizer(text, return_tensors="pt") for text in spec["texts"]]
with torch.no_grad():
    outputs = [model(**each) for each in encoded]
logits = [(torch.stack([each.start_logits[0], each.end_logits[0]], 1) if head == "QuestionAnswering" else each.logits[0]).double().tolist()
          for each in outputs]
vectors = SentenceTransformer(folder, device="cpu").encode(spec["texts"]).tolist() if head == "SequenceClassification" else None
fill = transformers.pipeline("fill-mask", model=model, tokenizer=tokenizer) if head == "MaskedLM" else None
print(json.dumps(dict(
    ids=[each["input_ids"][0].tolist() for each in encoded],
    logits=logits,
    labels=[config.id2label[at] for at in range(config.num_labels)],
    vectors=vectors,
    filled=None if fill is None else [fill(text, top_k=3) for text in spec["masked"]],
    # Neither missing nor left over: what from_pretrained would warn of.
    loading={name: sorted(str(key) for key in keys) for name, keys in info.items() if keys},
    architecture=type(model).__name__,
    version=transformers.__version__,
)))
