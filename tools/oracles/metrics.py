"""Metrics of scikit-learn, SciPy and seqeval, and SQuAD's and transformers' scripts for answers, for libs/training.

Run:   python tools/oracles/metrics.py FOLDER      (writes libs/training/fixtures/metrics.json)
Needs: scikit-learn 1.9, scipy 1.17, seqeval 1.2.2, transformers 4.57 (the last with squad_metrics.py: SQuAD's v2.0 script)

FOLDER holds two scripts that no package has: squad_v1.py (`compute_score` and `normalize_answer` of SQuAD's v1.1 script) and
utils_qa.py (`postprocess_qa_predictions` of transformers' examples/pytorch/question-answering, returning its three
dictionaries). Values that are not a number are null. Seed 0.
"""
import json
import math
import os
import random
import sys
import warnings
from types import SimpleNamespace

import numpy as np
import scipy
import sklearn
import transformers
from scipy.stats import pearsonr, rankdata, spearmanr
from seqeval.metrics import accuracy_score as tag_accuracy
from seqeval.metrics import f1_score, precision_score, recall_score
from seqeval.metrics.sequence_labeling import get_entities
from seqeval.scheme import IOB2
from sklearn import metrics as sk
from transformers.data.metrics import squad_metrics as v2

sys.path.insert(0, sys.argv[1])
import squad_v1
import utils_qa

warnings.simplefilter("ignore")
OUT = os.path.join(os.path.dirname(__file__), "../../libs/training/fixtures/metrics.json")
rng = random.Random(0)
normal = np.random.default_rng(0)


def number(value):
    value = float(value)
    return value if math.isfinite(value) else None


def prf(targets, predictions, **options):
    precision, recall, f1, _ = sk.precision_recall_fscore_support(targets, predictions, zero_division=0, **options)
    return {"precision": number(precision), "recall": number(recall), "f1": number(f1)}


def averages(targets, predictions, *names):
    return {name: prf(targets, predictions, average=name) for name in names}


def classification(name, targets, predictions, num_classes):
    labels = list(range(num_classes))
    precision, recall, f1, support = sk.precision_recall_fscore_support(targets, predictions, labels=labels, zero_division=0)
    case = {
        "name": name, "targets": targets, "predictions": predictions, "numClasses": num_classes,
        "accuracy": sk.accuracy_score(targets, predictions),
        "mcc": sk.matthews_corrcoef(targets, predictions),
        "confusion": sk.confusion_matrix(targets, predictions, labels=labels).tolist(),
        **averages(targets, predictions, "macro", "micro", "weighted"),
        "perClass": [
            {"precision": number(precision[i]), "recall": number(recall[i]), "f1": number(f1[i]), "support": int(support[i])}
            for i in labels
        ],
    }
    if num_classes == 2:
        case["binary"] = prf(targets, predictions, average="binary")
    return case


def noisy(targets, num_classes, right):
    return [each if rng.random() < right else rng.randrange(num_classes) for each in targets]


four = [rng.randrange(4) for _ in range(80)]
two = [int(rng.random() < 0.3) for _ in range(60)]
rare = [rng.choice([0, 0, 0, 1, 3]) for _ in range(50)]
classifications = [
    classification("four classes", four, noisy(four, 4, 0.7), 4),
    classification("two classes", two, noisy(two, 2, 0.6), 2),
    classification("a class that is never a target", rare, noisy(rare, 4, 0.5), 4),
    classification("a class that is neither target nor predicted", rare, [1 if each == 3 else each for each in rare], 4),
    classification("one class predicted for all", two, [0] * 60, 2),
    classification("one class in all targets", [1] * 20, noisy([1] * 20, 2, 0.5), 2),
    classification("one class in both", [1] * 5, [1] * 5, 2),
    classification("nothing right", [0, 1, 2, 0], [1, 2, 0, 2], 3),
]


def multi_label(name, targets, predictions):
    return {
        "name": name, "targets": targets.tolist(), "predictions": predictions.tolist(),
        "subsetAccuracy": sk.accuracy_score(targets, predictions),
        **averages(targets, predictions, "macro", "micro", "weighted", "samples"),
    }


labels = (normal.random((30, 5)) < [0.5, 0.3, 0.2, 0.1, 0.0]).astype(int)
guesses = np.where(normal.random((30, 5)) < 0.75, labels, 1 - labels)
multi_labels = [
    multi_label("thirty texts, a label that never occurs", labels, guesses),
    multi_label("nothing predicted", labels, np.zeros_like(labels)),
    multi_label("all right", labels, labels),
]


def area(name, targets, scores):
    value = sk.roc_auc_score(targets, scores) if len(set(targets)) > 1 else math.nan
    return {"name": name, "targets": list(targets), "scores": list(scores), "rocAuc": number(value)}


areas = [
    area("scores with many ties", two, [round(each * 0.3 + rng.random(), 1) for each in two]),
    area("scores without ties", two, [each * 0.3 + rng.random() for each in two]),
    area("one score for all", two, [0.5] * 60),
    area("one class only", [1] * 4, [0.1, 0.4, 0.3, 0.2]),
]
# Of a metric that is gone; drawn still, so that what comes below keeps its values.
normal.normal(size=(80, 4))


def correlation(name, a, b):
    return {
        "name": name, "a": list(a), "b": list(b), "ranks": rankdata(a).tolist(),
        "pearson": number(pearsonr(a, b).statistic) if len(a) > 1 else None,
        "spearman": number(spearmanr(a, b).statistic) if len(a) > 1 else None,
        "mse": sk.mean_squared_error(a, b), "mae": sk.mean_absolute_error(a, b),
        "r2": number(sk.r2_score(a, b)),
    }


xs = normal.normal(size=40).tolist()
correlations = [
    correlation("forty values", xs, [0.6 * x + rng.gauss(0, 1) for x in xs]),
    correlation("many ties", [round(x) for x in xs], [round(0.6 * x + rng.gauss(0, 1), 0) for x in xs]),
    correlation("constant predictions", xs, [0.1] * 40),
    correlation("constant targets", [0.1] * 40, xs),
    correlation("constant targets, all right", [2.0] * 5, [2.0] * 5),
    correlation("far from zero", [1e6 + x for x in xs], [1e6 - 2 * x + rng.random() for x in xs]),
    correlation("two values", [1.0, 2.0], [5.0, 3.0]),
    correlation("one value", [1.0], [2.0]),
    correlation("a straight line", [0.1 * i for i in range(10)], [3 - 0.7 * i for i in range(10)]),
]


def entities(name, targets, predictions, strict):
    options = {"mode": "strict", "scheme": IOB2} if strict else {}

    def scores(average):
        functions = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
        return {key: each(targets, predictions, average=average, zero_division=0, **options) for key, each in functions.items()}

    case = {
        "name": name, "scheme": "IOB2" if strict else "conlleval", "targets": targets, "predictions": predictions,
        "accuracy": tag_accuracy(targets, predictions),
        **{each: {key: number(value) for key, value in scores(each).items()} for each in ("macro", "micro", "weighted")},
    }
    if not strict:
        types = sorted({each[0] for tags in targets + predictions for each in get_entities(tags)})
        per_type = {key: [number(each) for each in values] for key, values in scores(None).items()}
        case["perType"] = {each: {key: values[i] for key, values in per_type.items()} for i, each in enumerate(types)}
    return case


def tags(choices, count):
    return [[rng.choice(choices) for _ in range(rng.randrange(1, 12))] for _ in range(count)]


def changed(texts, choices):
    return [[tag if rng.random() < 0.8 else rng.choice(choices) for tag in text] for text in texts]


bio = ["O", "O", "O", "B-PER", "I-PER", "I-PER", "B-LOC", "I-LOC", "B-MISC-X", "I-MISC-X"]
bioes = ["O", "O", "B-PER", "I-PER", "E-PER", "S-PER", "B-LOC", "I-LOC", "E-LOC", "S-LOC"]
odd = ["O", "B", "I", "B-", "I-X", "PER", "E-X", "S-X", "I-Y-Z"]
bio_texts, bioes_texts, odd_texts = tags(bio, 40), tags(bioes, 60), tags(odd, 60)
readme = (
    [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
    [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]],
)
chunk = ([["B-NP", "I-NP", "O"]], [["I-NP", "I-NP", "O"]])
bio_guesses = changed(bio_texts, bio)
entity_cases = [
    entities("seqeval's README", *readme, False),
    entities("a chunk that starts with I", *chunk, False),
    entities("a chunk that starts with I", *chunk, True),
    entities("B and I tags", bio_texts, bio_guesses, False),
    entities("B and I tags", bio_texts, bio_guesses, True),
    entities("B, I, E and S tags", bioes_texts, changed(bioes_texts, bioes), False),
    entities("odd tags", odd_texts, changed(odd_texts, odd), False),
    entities("no entities", [["O", "O"], ["O"]], [["O", "O"], ["O"]], False),
    entities("nothing predicted", bio_texts[:5], [["O"] * len(text) for text in bio_texts[:5]], False),
]

texts = [
    "The Cat, the hat.", "a an the", "", "  Two   spaces ", "theatre an-d", "U.S.A.", "\u00c9a the caf\u00e9", "the\u00e9 a\u00e9 the",
    "an\u00a0apple\u3000pie\u0085x\u001cy", "\ufeffthe", "_the_ a_b", "\u0130stanbul", "\u03a3\u0391\u03a3", "100% of $5", "\u00abthe\u00bb",
    "the\u0301 a\u0308", "a\u0660 the\u2460", "d\u2019une", "THE END", "`~!@#$%^&*()_+-=[]{}|;':\",./<>?\\",
]
words = "the a cat sat on mat red Red, hat. dog an".split()


def phrase(least=1):
    return " ".join(rng.choice(words) for _ in range(rng.randrange(least, 5)))


answered = []
for i in range(40):
    gold = [phrase() for _ in range(rng.randrange(1, 4))]
    answered.append({"prediction": rng.choice(gold) if rng.random() < 0.4 else phrase(0), "answers": gold})
answered_v2 = []
for i in range(60):
    gold = [] if rng.random() < 0.4 else [phrase() for _ in range(rng.randrange(1, 3))] + (["the"] if rng.random() < 0.2 else [])
    prediction = "" if rng.random() < 0.3 else (gold[0] if gold and rng.random() < 0.5 else phrase())
    answered_v2.append({"prediction": prediction, "answers": gold})
answered_v2 += [{"prediction": "a", "answers": ["the"]}, {"prediction": "", "answers": ["the"]}, {"prediction": "the", "answers": []}]
null_scores = [round(rng.gauss(1 if not each["answers"] else -1, 2), 1) for each in answered_v2]


def score_v2(questions, na_probs):
    examples = [
        SimpleNamespace(qas_id=i, answers=[{"text": text} for text in each["answers"]]) for i, each in enumerate(questions)
    ]
    predictions = {i: each["prediction"] for i, each in enumerate(questions)}
    return v2.squad_evaluate(examples, predictions, dict(enumerate(na_probs)), no_answer_probability_threshold=math.inf)


squad = {
    "normalized": [{"text": text, "normalized": squad_v1.normalize_answer(text)} for text in texts],
    "v1": {
        "questions": answered,
        **squad_v1.compute_score(
            [{"paragraphs": [{"qas": [
                {"id": i, "answers": [{"text": text} for text in each["answers"]]} for i, each in enumerate(answered)
            ]}]}],
            {i: each["prediction"] for i, each in enumerate(answered)},
        ),
    },
    "v2": {"questions": answered_v2, "nullScores": null_scores, **score_v2(answered_v2, null_scores)},
}


def decoding(name, num_examples, **options):
    context_words = [rng.choice(["alpha", "be", "gamma", "d", "epsilon"]) for _ in range(40)]
    contexts, features, starts, ends = [], [], [], []
    for example in range(num_examples):
        context = " ".join(rng.sample(context_words, 24))
        spans, at = [], 0
        for word in context.split(" "):
            spans.append((at, at + len(word)))
            at += len(word) + 1
        contexts.append(context)
        for first in range(0, 24, options.get("stride", 10)):
            window = spans[first : first + 14]
            offsets = [None] * 4 + window + [None]
            features.append({"example_id": example, "offset_mapping": offsets})
            scale = np.float32(options.get("scale", 2.0))
            starts.append(np.round(normal.normal(size=len(offsets)) * scale, 4).astype(np.float32))
            ends.append(np.round(normal.normal(size=len(offsets)) * scale, 4).astype(np.float32))
            if options.get("no_context"):
                features[-1]["offset_mapping"] = [None] * len(offsets)
    call = {
        "version_2_with_negative": options.get("allowNoAnswer", False), "n_best_size": options.get("nBest", 20),
        "max_answer_length": options.get("maxAnswerLength", 30), "null_score_diff_threshold": options.get("nullThreshold", 0.0),
    }
    predictions, best, differences = utils_qa.postprocess_qa_predictions(
        {"id": list(range(num_examples)), "context": contexts}, features, (starts, ends), **call
    )
    return {
        "name": name,
        "options": {key: options[key] for key in ("allowNoAnswer", "nBest", "maxAnswerLength", "nullThreshold") if key in options},
        "questions": [
            {
                "context": contexts[example],
                "windows": [
                    {
                        "startLogits": [float(x) for x in starts[i]], "endLogits": [float(x) for x in ends[i]],
                        "offsets": [x for pair in feature["offset_mapping"] for x in (pair or (-1, -1))],
                    }
                    for i, feature in enumerate(features) if feature["example_id"] == example
                ],
                "prediction": predictions[example],
                "nullScoreDifference": differences[example] if differences else None,
                "candidates": [
                    {"text": each["text"], "score": each["start_logit"] + each["end_logit"], "probability": each["probability"]}
                    for each in best[example]
                ],
            }
            for example in range(num_examples)
        ],
    }


decodings = [
    decoding("every question has an answer", 3),
    decoding("short answers, few candidates", 3, nBest=4, maxAnswerLength=2),
    decoding("questions may have no answer", 4, allowNoAnswer=True),
    decoding("no answer is kept where it is not among the best", 3, allowNoAnswer=True, nBest=3, nullThreshold=-2.0),
    decoding("no token belongs to the context", 2, no_context=True),
    decoding("no token belongs to the context, no answer allowed", 3, no_context=True, allowNoAnswer=True),
]

result = {
    "program": "tools/oracles/metrics.py, seed 0",
    "versions": {
        "scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "seqeval": "1.2.2",
        "transformers": transformers.__version__, "numpy": np.__version__,
    },
    "classification": classifications, "multiLabel": multi_labels, "rocAuc": areas,
    "correlation": correlations, "entities": entity_cases, "squad": squad, "decoding": decodings,
}
os.makedirs(os.path.dirname(OUT), exist_ok=True)
with open(OUT, "w", encoding="utf8") as file:
    json.dump(result, file, separators=(",", ":"))
    file.write("\n")
print(os.path.getsize(OUT), "bytes")
