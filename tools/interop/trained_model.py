"""Folders of trained models in transformers and sentence-transformers. Reads {"models": [...]} from stdin, and prints what there is to say
of each as JSON. A model is {"folder", "inputs", "texts"}, and may have {"asked", "query"}.

An input is what the head reads: a text, a pair of texts, or, for multiple choice, a list of pairs; given back are the ids of each of its
sequences, and the head's outputs under our names, flat. Of "texts" it gives the sentence encoder's vectors, of "asked" what the task's
pipeline says, and with "query" the order of "texts" by the model as a cross-encoder.

Run by test/interop/trainedModel.test.ts and trainingClients.test.ts in the environment of tools/python.
"""
import json, os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
import torch, transformers
from sentence_transformers import CrossEncoder, SentenceTransformer

PIPELINES = dict(MaskedLM=("fill-mask", dict(top_k=3)), SequenceClassification=("text-classification", dict(top_k=None)),
                 TokenClassification=("token-classification", dict(aggregation_strategy="simple")))
OUTPUTS = dict(
    QuestionAnswering=lambda given: dict(logits=torch.stack([given.start_logits, given.end_logits], -1)),
    MaskedLM=lambda given: dict(masked_lm_logits=given.logits),
    NextSentencePrediction=lambda given: dict(next_sentence_logits=given.logits),
    PreTraining=lambda given: dict(masked_lm_logits=given.prediction_logits, next_sentence_logits=given.seq_relationship_logits),
)


def sequences(given):
    if isinstance(given, str): return [(given,)]
    return [given] if isinstance(given[0], str) else given


def describe(spec):
    folder, texts = spec["folder"], spec["texts"]
    config = transformers.AutoConfig.from_pretrained(folder)
    _, is_headed, head = config.architectures[0].partition("For")
    loader = f"AutoModelFor{head}" if is_headed else "AutoModel"
    model, info = getattr(transformers, loader).from_pretrained(folder, output_loading_info=True)
    model.eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def outputs(given):
        batch = tokenizer(*(list(column) for column in zip(*sequences(given))), padding=True, return_tensors="pt")
        if head == "MultipleChoice": batch = {name: rows.unsqueeze(0) for name, rows in batch.items()}
        with torch.no_grad(): result = model(**batch)
        named = OUTPUTS.get(head, lambda each: dict(logits=each.logits))(result)
        return {name: value.flatten().double().tolist() for name, value in named.items()}

    name, options = PIPELINES.get(head, (None, {}))
    pipeline = transformers.pipeline(name, model=model, tokenizer=tokenizer, **options) if "asked" in spec else None
    return dict(
        ids=[[tokenizer(*each)["input_ids"] for each in sequences(given)] for given in spec["inputs"]],
        outputs=[outputs(given) for given in spec["inputs"]],
        labels=[config.id2label[at] for at in range(config.num_labels)],
        vectors=SentenceTransformer(folder, device="cpu").encode(texts).tolist(),
        answers=None if pipeline is None else [pipeline(text) for text in spec["asked"]],
        ranked=CrossEncoder(folder, device="cpu").rank(spec["query"], texts) if "query" in spec else None,
        # Neither missing nor left over: what from_pretrained would warn of.
        loading={kind: sorted(str(key) for key in keys) for kind, keys in info.items() if keys},
        architecture=type(model).__name__,
    )


torch.set_num_threads(1)
# Scores of pipelines are numpy's.
print(json.dumps(dict(models=[describe(each) for each in json.load(sys.stdin)["models"]]), default=float))
