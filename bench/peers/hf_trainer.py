"""Peer: the Hugging Face Trainer fine-tunes a classifier on the topics data.

usage: hf_trainer.py MODEL_DIR TRAIN.jsonl TEST.jsonl LABELS.json EPOCHS THREADS [group]
Then a seed in, {"tokens": ..., "seconds": ..., "accuracy": ...} out: a training from the checkpoint, evaluated at its end.
With `group`, batches are of texts of similar length. Tokens are those of the texts, padding left out.
"""
import json, os, sys, tempfile, time
os.environ["HF_HUB_OFFLINE"] = "1"
# The Trainer prints its logs; answers go where nothing else does.
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import torch
from datasets import Dataset, disable_progress_bars
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, set_seed
folder, train_file, test_file, labels_file, epochs, threads = sys.argv[1:7]
torch.set_num_threads(int(threads))
disable_progress_bars()
labels = json.load(open(labels_file))
number = {label: index for index, label in enumerate(labels)}
tokenizer = AutoTokenizer.from_pretrained(folder)


def dataset(path):
    rows = [json.loads(line) for line in open(path)]
    texts = Dataset.from_list([dict(text=row["text"], labels=number[row["label"]]) for row in rows])
    return texts.map(lambda batch: tokenizer(batch["text"], truncation=True, max_length=128), batched=True, remove_columns=["text"])


train, test = dataset(train_file), dataset(test_file)
order = dict(train_sampling_strategy="group_by_length") if "group" in sys.argv else {}


def run(seed, output):
    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=len(labels))
    arguments = TrainingArguments(
        output, per_device_train_batch_size=16, per_device_eval_batch_size=32, learning_rate=5e-5, num_train_epochs=int(epochs),
        warmup_steps=0.1, weight_decay=0.01, report_to=[], save_strategy="no", logging_steps=50, use_cpu=True, disable_tqdm=True,
        seed=seed, **order)
    accuracy = lambda evaluated: dict(accuracy=float((evaluated.predictions.argmax(-1) == evaluated.label_ids).mean()))
    trainer = Trainer(model, arguments, train_dataset=train, eval_dataset=test, data_collator=DataCollatorWithPadding(tokenizer), compute_metrics=accuracy)
    started = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - started
    tokens = sum(map(len, train["input_ids"])) * int(epochs)
    return dict(tokens=tokens, seconds=seconds, accuracy=trainer.evaluate()["eval_accuracy"])


for line in sys.stdin:
    with tempfile.TemporaryDirectory() as output:
        print(json.dumps(run(int(line), output)), file=answers, flush=True)
