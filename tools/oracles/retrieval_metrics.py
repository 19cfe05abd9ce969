"""Retrieval metrics by sentence-transformers, for libs/training/src/metrics/ranking.test.ts.

Run:   python tools/oracles/retrieval_metrics.py   (writes libs/training/fixtures/retrieval-metrics.json)
Needs: sentence-transformers 6.2, numpy

Twelve queries with one to twelve relevant documents of forty. Seed 0.
"""
import json
import os

import numpy
import sentence_transformers
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

OUT = os.path.join(os.path.dirname(__file__), "../../libs/training/fixtures/retrieval-metrics.json")
random = numpy.random.default_rng(0)
QUERIES, DOCUMENTS = 12, 40
scores = numpy.round(random.normal(size=(QUERIES, DOCUMENTS)), 4)
relevant = [sorted(random.choice(DOCUMENTS, size=1 + query, replace=False).tolist()) for query in range(QUERIES)]
for query in range(0, QUERIES, 2):  # half of them have something relevant in front
    scores[query, relevant[query][0]] += 2
evaluator = InformationRetrievalEvaluator(
    {str(query): "" for query in range(QUERIES)}, {str(document): "" for document in range(DOCUMENTS)},
    {str(query): {str(document) for document in found} for query, found in enumerate(relevant)},
    mrr_at_k=[10], ndcg_at_k=[10], accuracy_at_k=[1], precision_recall_at_k=[1, 10],
)
results = [[{"corpus_id": str(document), "score": float(scores[query, document])} for document in range(DOCUMENTS)] for query in range(QUERIES)]
found = evaluator.compute_metrics(results)
with open(OUT, "w", encoding="utf8") as file:
    json.dump({
        "program": "tools/oracles/retrieval_metrics.py, seed 0",
        "versions": {"sentence-transformers": sentence_transformers.__version__},
        "scores": scores.tolist(), "relevant": relevant,
        "metrics": {
            "mrr_at_10": found["mrr@k"][10], "recall_at_1": found["recall@k"][1],
            "recall_at_10": found["recall@k"][10], "ndcg_at_10": found["ndcg@k"][10],
        },
    }, file, default=float, separators=(",", ":"))
    file.write("\n")
