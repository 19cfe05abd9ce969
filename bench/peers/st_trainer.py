"""Peer: sentence-transformers' trainer with in-batch negatives (MultipleNegativesRankingLoss) on pairs of texts.

usage: st_trainer.py MODEL_DIR TRAIN.jsonl BATCH THREADS
Then {"seed": ..., "output": ...} in, {"tokens": ..., "seconds": ...} out: one epoch from the checkpoint, the model left in the output
folder. Tokens are those of the texts, padding left out.
"""
import json, os, sys, tempfile, time
os.environ["HF_HUB_OFFLINE"] = "1"
# The trainer prints its logs; answers go where nothing else does.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import torch
from datasets import Dataset, disable_progress_bars
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import set_seed
folder, train_file, batch, threads = sys.argv[1:5]
torch.set_num_threads(int(threads))
disable_progress_bars()
rows = [json.loads(line) for line in open(train_file)]
train = Dataset.from_list([dict(anchor=row["anchor"], positive=row["positive"]) for row in rows])
tokenizer = SentenceTransformer(folder, device="cpu")
texts = [row[column] for row in rows for column in ("anchor", "positive")]
tokens = int(sum(tokenizer.preprocess(texts[at:at + 256])["attention_mask"].sum() for at in range(0, len(texts), 256)))


def run(seed, output):
    set_seed(seed)
    model = SentenceTransformer(folder, device="cpu")
    with tempfile.TemporaryDirectory() as scratch:
        arguments = SentenceTransformerTrainingArguments(
            scratch, per_device_train_batch_size=int(batch), learning_rate=2e-5, num_train_epochs=1, warmup_steps=0.1, weight_decay=0.01,
            report_to=[], save_strategy="no", logging_steps=50, use_cpu=True, disable_tqdm=True, seed=seed)
        trainer = SentenceTransformerTrainer(model, arguments, train_dataset=train, loss=MultipleNegativesRankingLoss(model))
        started = time.perf_counter()
        trainer.train()
        seconds = time.perf_counter() - started
    model.save_pretrained(output, create_model_card=False)
    return dict(tokens=tokens, seconds=seconds)


for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(run(asked["seed"], asked["output"])), file=answers, flush=True)
