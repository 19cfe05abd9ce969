"""Peer: one training step (forward, backward, AdamW) of PyTorch, eager, with a two-class head.

usage: torch_train_step.py MODEL_DIR TEXTS LENGTH THREADS DROPOUT   Then a line in, {"ms": ...} out.
"""
import json, os, sys, time
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from transformers import AutoModelForSequenceClassification
folder, texts, length, threads, dropout = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), float(sys.argv[5])
torch.set_num_threads(threads)
torch.manual_seed(0)
model = AutoModelForSequenceClassification.from_pretrained(
    folder, num_labels=2, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout).train()
ids, labels = torch.randint(1000, 21000, (texts, length)), torch.arange(texts) % 2
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, weight_decay=0.01)

for line in sys.stdin:
    started = time.perf_counter()
    model(input_ids=ids, labels=labels).loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    print(json.dumps(dict(ms=1000 * (time.perf_counter() - started))), flush=True)
