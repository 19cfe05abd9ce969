"""What transformers' pipelines answer for the tiny encoder with a head of random weights; of next sentences, for which there is no
pipeline, the softmax of its model.

Writes test/fixtures/pipelines/<task>.json: the head's weights, and what the pipeline was asked and has answered.

Run in the repository's root, after sentence_encoder.py:
  python tools/oracles/task_pipelines.py question-answering    with transformers 4.57, the last version that has this pipeline
  python tools/oracles/task_pipelines.py fill-mask             with transformers 5, and so the others:
  text-classification, text-ranking, token-classification, next-sentence
Needs torch; versions and seed stand in the files.
"""
import json, os, sys
import torch, transformers
from transformers import (
    BertForMaskedLM, BertForNextSentencePrediction, BertForQuestionAnswering, BertForSequenceClassification,
    BertForTokenClassification, PreTrainedTokenizerFast, pipeline,
)

SEED, BASE, OUT = 20261126, "test/fixtures/tiny-encoder", "test/fixtures/pipelines"
LONG = ("A pipeline splits the layers of a model across workers. Workers hold consecutive layers and pass activations on. "
        "The quick brown fox jumps over the lazy dog 😀, and Café 中文 is on the table of the stages. ") * 3
SHORT = "Workers hold 😀 consecutive layers, and Café stages pass activations on."
QUESTIONS = [
    dict(question="What do workers hold?", context=SHORT),
    dict(question="What do workers hold?", context=SHORT, top_k=4),
    dict(question="What do workers hold?", context=SHORT, top_k=4, align_to_words=False),
    dict(question="What do workers hold?", context=SHORT, top_k=3, handle_impossible_answer=True),
    dict(question="Who jumps?", context=LONG),
    dict(question="Who jumps?", context=LONG, top_k=5, handle_impossible_answer=True),
    dict(question="Who jumps?", context=LONG, top_k=5, max_answer_len=2),
    dict(question="Who jumps?", context=LONG, top_k=3, doc_stride=8, align_to_words=False),
    dict(question="Who jumps?", context=LONG, top_k=3, max_seq_len=32, doc_stride=4),
]
MASKED = [
    dict(inputs="the layers of a [MASK]"),
    dict(inputs="[MASK] hold, of the layers!", top_k=3),
    dict(inputs="the [MASK] of a stage and the [MASK] of 😀 Café", top_k=2),
    dict(inputs=["the [MASK]", "workers [MASK] the [MASK]"], top_k=2),
    dict(inputs="a [MASK] of the stage", targets=["layers", "workers", "the"]),
    dict(inputs="a [MASK] of the stage", targets=["layerish", "Workers", "a"], top_k=2),
]
QUERY = "Which workers hold the layers?"
RANKED = ["Workers hold consecutive layers.", "I had pancakes for breakfast.", "The quick brown fox jumps over the lazy dog."]
CLASSIFIED = [dict(text="the layers of a stage"), dict(text="Workers hold layers.", text_pair="The dog is lazy.")]
TAGGED = ["Workers hold 😀 consecutive layers, and Café stages pass activations on."]
NEXT = [dict(text="Workers hold layers.", text_pair="They pass activations on.")]
named = lambda *labels: dict(id2label=dict(enumerate(labels)), label2id={label: index for index, label in enumerate(labels)})
TASKS = {
    "question-answering": (BertForQuestionAnswering, "qa_outputs.", 1.0, QUESTIONS),
    "fill-mask": (BertForMaskedLM, "cls.", 0.5, MASKED),
    "text-classification": (BertForSequenceClassification, "classifier.", 0.3, CLASSIFIED),
    "text-ranking": (BertForSequenceClassification, "classifier.", 0.3, [dict(text=QUERY, text_pair=each) for each in RANKED]),
    "token-classification": (BertForTokenClassification, "classifier.", 2.0, [dict(inputs=each) for each in TAGGED]),
    "next-sentence": (BertForNextSentencePrediction, "cls.", 0.3, NEXT),
}
CONFIGS = {
    "text-classification": named("calm", "glad", "sad"),
    "text-ranking": named("LABEL_0"),
    "token-classification": named("O", "B-CREW", "I-CREW", "B-PART", "I-PART"),
}

task = sys.argv[1]
model_class, prefix, deviation, requests = TASKS[task]
config = CONFIGS.get(task, {})
torch.set_num_threads(1)
torch.manual_seed(SEED)
generator = torch.Generator().manual_seed(SEED)
model = model_class.from_pretrained(BASE, **config).eval()
head = {name: each for name, each in model.named_parameters() if name.startswith(prefix)}
with torch.no_grad():
    for parameter in head.values():
        parameter.add_(torch.randn(parameter.shape, generator=generator) * deviation)
names = json.load(open(f"{BASE}/tokenizer_config.json"))
special = {key: value for key, value in names.items() if key.endswith("_token")}
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{BASE}/tokenizer.json", model_max_length=names["model_max_length"], **special)
tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
if task == "token-classification":
    # Hidden states of a random encoder hardly differ: without their mean, every token would have the same tag.
    with torch.no_grad():
        model.classifier.bias -= model(**tokenizer(TAGGED, return_tensors="pt")).logits.mean((0, 1))

def answer_all():
    if task == "next-sentence":
        with torch.no_grad():
            for request in requests:
                yield model(**tokenizer(**request, return_tensors="pt")).logits.softmax(-1)[0].tolist()
        return
    name = "text-classification" if task == "text-ranking" else task
    answer = pipeline(name, model=model, tokenizer=tokenizer, device="cpu")
    for request in requests:
        given = {key: value for key, value in request.items() if key != "inputs"}
        if task == "question-answering": yield answer(**given)
        elif name == "text-classification": yield answer(given, top_k=None)
        elif task == "token-classification": yield answer(request["inputs"], aggregation_strategy="simple")
        else: yield answer(request["inputs"], **given)

cases = [dict(request=request, answers=answers) for request, answers in zip(requests, answer_all())]
weights = {name: dict(shape=list(each.shape), values=[float(x) for x in each.detach().flatten()]) for name, each in head.items()}
os.makedirs(OUT, exist_ok=True)
with open(f"{OUT}/{task}.json", "w") as file:
    json.dump(dict(program="tools/oracles/task_pipelines.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
                   **({"config": config} if config else {}), weights=weights, cases=cases), file, ensure_ascii=False, default=float)
