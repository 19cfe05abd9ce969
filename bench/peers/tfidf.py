"""TF-IDF of scikit-learn on the same questions: usage: tfidf.py PAIRS.jsonl.gz TOPICS_TRAIN.jsonl.gz TOPICS_TEST.jsonl.gz

Prints {"mrr": ..., "topics": ...}: mean reciprocal rank at 10 of each anchor's text among all, and the share of texts whose nearest
training text has the same label. Standard settings; the words and their weights are those of the texts that are searched.
"""

import gzip
import json
import sys

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer


def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


pairs, train, test = (read(path) for path in sys.argv[1:])

words = TfidfVectorizer()
paragraphs = words.fit_transform([pair["positive"] for pair in pairs])
scores = (words.transform([pair["anchor"] for pair in pairs]) @ paragraphs.T).toarray()
right = np.diag(scores)[:, None]
ranks = 1 + (scores > right).sum(axis=1) + (np.tril(scores == right, -1)).sum(axis=1)
mrr = np.where(ranks <= 10, 1 / ranks, 0).mean()

words = TfidfVectorizer()
known = words.fit_transform([row["text"] for row in train])
labels = np.array([row["label"] for row in train])
nearest = np.concatenate(
    [(words.transform([row["text"] for row in test[start : start + 100]]) @ known.T).toarray().argmax(axis=1) for start in range(0, len(test), 100)]
)
topics = (labels[nearest] == np.array([row["label"] for row in test])).mean()
print(json.dumps({"mrr": float(mrr), "topics": float(topics)}))
