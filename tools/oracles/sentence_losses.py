"""Losses of sentence vectors, their gradients, and a few steps of training with them, by sentence-transformers.

Run:   python tools/oracles/sentence_losses.py   (writes test/fixtures/sentence-losses.json and sentence-training.json)
Needs: torch 2.15, sentence-transformers 6.2; test/fixtures/tiny-encoder

Losses are float64, of vectors that are given. Training is float32: all examples in every step, AdamW without decay, gradients
clipped to a global norm of 1. Seed 0.
"""
import json
import os

import sentence_transformers
import torch
from sentence_transformers import SentenceTransformer, losses, util

FIXTURES = os.path.join(os.path.dirname(__file__), "../../test/fixtures")
VERSIONS = {"torch": torch.__version__, "sentence-transformers": sentence_transformers.__version__}
torch.manual_seed(0)
DIMENSIONS, EXAMPLES = 8, 5
GIVEN = [0.12, -0.93, 0.5, -0.27, 0.88]


class Given(torch.nn.Module):
    """A model whose vectors are its input."""

    def forward(self, features):
        return {"sentence_embedding": features["vectors"]}

    def get_embedding_dimension(self):
        return DIMENSIONS

    get_sentence_embedding_dimension = get_embedding_dimension


def write(name, value):
    with open(os.path.join(FIXTURES, name), "w", encoding="utf8") as file:
        json.dump({"program": "tools/oracles/sentence_losses.py, seed 0", "versions": VERSIONS, **value}, file, indent=1)
        file.write("\n")


def in_batch(model, similarity="cosine", scale=20.0):
    return losses.MultipleNegativesRankingLoss(
        model, scale=scale, similarity_fct=util.cos_sim if similarity == "cosine" else util.dot_score
    )


def case(name, task, make_loss):
    vectors = torch.round(torch.randn(EXAMPLES, task["numTexts"], DIMENSIONS, dtype=torch.float64), decimals=3)
    similarities = torch.tensor(GIVEN, dtype=torch.float64)
    given = [vectors[:, text].clone().requires_grad_() for text in range(task["numTexts"])]
    teacher = torch.round(torch.randn(EXAMPLES, task["numTexts"], task.get("teacher", {}).get("dimensions", 1), dtype=torch.float64), decimals=3)
    features = [{"vectors": each} for each in given]
    if "teacher" in task:
        loss = make_loss(Given(), features, teacher.flatten(0, 1))
    else:
        loss = make_loss(Given())(features, similarities)
    loss.backward()
    gradient = torch.stack([each.grad for each in given], dim=1)
    is_regression = task["loss"]["name"] == "cosine-similarity"
    return {
        "name": name,
        "task": {"name": "sentence-embedding", **task},
        "vectors": vectors.flatten().tolist(),
        **({"similarities": similarities.tolist()} if is_regression else {}),
        **({"teacherVectors": teacher.flatten().tolist()} if "teacher" in task else {}),
        "loss": loss.item(),
        "gradient": gradient.flatten().tolist(),
    }


def ranking(similarity="cosine", scale=20.0):
    return {"name": "in-batch-negatives", "similarity": similarity, "scale": scale}


REGRESSION = {"name": "cosine-similarity"}


def all_vectors(features):
    return torch.stack([each["vectors"] for each in features], dim=1).flatten(0, 1)


def distances(model, features, teacher):
    """MSELoss is the mean over all values; ours is the sum over a vector's."""
    return losses.MSELoss(model)([{"vectors": all_vectors(features)}], teacher) * DIMENSIONS


def cosine_differences(features, teacher):
    own = all_vectors(features)
    return torch.nn.functional.mse_loss(util.cos_sim(own, own), util.cos_sim(teacher, teacher))


def teacher(name, dimensions, weight=1):
    return {"name": name, "dimensions": dimensions, "weight": weight}


write("sentence-losses.json", {"dimensions": DIMENSIONS, "cases": [
    case("in-batch negatives", {"loss": ranking(), "numTexts": 2}, in_batch),
    case("two hard negatives each", {"loss": ranking(), "numTexts": 4}, in_batch),
    case("dot products, another scale", {"loss": ranking("dot", 1.5), "numTexts": 2}, lambda model: in_batch(model, "dot", 1.5)),
    case("cosine regression", {"loss": REGRESSION, "numTexts": 2}, losses.CosineSimilarityLoss),
    case(
        "in-batch negatives at three sizes",
        {"loss": ranking(), "numTexts": 3, "dimensions": [8, 4, 2]},
        lambda model: losses.MatryoshkaLoss(model, in_batch(model), [8, 4, 2]),
    ),
    case(
        "cosine regression at two sizes",
        {"loss": REGRESSION, "numTexts": 2, "dimensions": [8, 3]},
        lambda model: losses.MatryoshkaLoss(model, losses.CosineSimilarityLoss(model), [8, 3]),
    ),
    case("a teacher's vectors", {"loss": {"name": "none"}, "numTexts": 1, "teacher": teacher("vectors", DIMENSIONS)}, distances),
    case(
        "a larger teacher's similarities",
        {"loss": {"name": "none"}, "numTexts": 1, "teacher": teacher("similarities", 11)},
        lambda model, features, vectors: cosine_differences(features, vectors),
    ),
    case(
        "in-batch negatives and a teacher's vectors",
        {"loss": ranking(), "numTexts": 3, "teacher": teacher("vectors", DIMENSIONS, 0.5)},
        lambda model, features, vectors: in_batch(model)(features, None) + 0.5 * distances(model, features, vectors),
    ),
    case(
        "cosine regression and a teacher's similarities",
        {"loss": REGRESSION, "numTexts": 2, "teacher": teacher("similarities", 5, 3)},
        lambda model, features, vectors: losses.CosineSimilarityLoss(model)(features, torch.tensor(GIVEN, dtype=torch.float64)) + 3 * cosine_differences(features, vectors),
    ),
]})

WORDS = ["stag", "cons", "of", "the", "a", "in", "layers", "workers"]
STEPS, RATE = 6, 1e-3


def text(number, length):
    return " ".join(WORDS[(number * 3 + place * (number + 1)) % len(WORDS)] for place in range(length))


def training(name, rows, make_loss):
    model = SentenceTransformer(os.path.join(FIXTURES, "tiny-encoder"), device="cpu")
    model.train()
    loss_of = make_loss(model)
    columns = [[row[column] for row in rows] for column in rows[0] if column != "score"]
    labels = torch.tensor([row.get("score", 0.0) for row in rows])
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    values = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of([model.preprocess(column) for column in columns], labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        values.append(loss.item())
    model.eval()
    texts = columns[0] + columns[1]
    vectors = [[round(value, 7) for value in vector] for vector in model.encode(texts).tolist()]
    return {"name": name, "rows": rows, "losses": values, "texts": texts, "vectors": vectors}


pairs = [{"anchor": text(n, 2 + n % 3), "positive": text(n + 5, 3 + n % 4)} for n in range(6)]
triplets = [{**pair, "negative": text(n + 11, 2 + n % 5)} for n, pair in enumerate(pairs)]
scored = [{"sentence1": p["anchor"], "sentence2": p["positive"], "score": round(0.15 * n, 2)} for n, p in enumerate(pairs)]
write("sentence-training.json", {"steps": STEPS, "learningRate": RATE, "runs": [
    training("pairs", pairs, in_batch),
    training("hard negatives at two sizes", triplets, lambda model: losses.MatryoshkaLoss(model, in_batch(model), [32, 8])),
    training("similarities", scored, losses.CosineSimilarityLoss),
]})
