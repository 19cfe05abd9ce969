"""Peer: transformers' BertForPreTraining in PyTorch, eager, on the batches and from the weights that ours has written.

usage: torch_pretraining.py MODEL_DIR THREADS   Then lines in, one JSON line out each:
`plan FOLDER`: begin a run. `run K`: the next K steps; tokens, seconds, losses. `evaluate`: metrics.
Batches are padded to their longest text. Reading them from the file is not in the time, padding them is.
"""
import itertools, json, os, sys, time
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForPreTraining
folder, threads = sys.argv[1:3]
torch.set_num_threads(int(threads))
torch.manual_seed(0)


def padded(line):
    lengths = line["lengths"]
    B, L = len(lengths), max(lengths)
    ids, types = torch.zeros(B, L, dtype=torch.long), torch.zeros(B, L, dtype=torch.long)
    mask = (torch.arange(L)[None] < torch.tensor(lengths)[:, None]).long()
    kept, labels = mask.bool(), torch.full((sum(lengths),), -100)
    ids[kept], types[kept] = torch.tensor(line["input_ids"]), torch.tensor(line["token_type_ids"])
    labels[torch.tensor(line["masked_rows"], dtype=torch.long)] = torch.tensor(line["masked_labels"])
    targets = torch.full((B, L), -100)
    targets[kept] = labels
    return dict(input_ids=ids, token_type_ids=types, attention_mask=mask, labels=targets, next_sentence_label=torch.tensor(line["next_sentence_labels"]))


class Run:
    def __init__(self, files):
        self.files = files
        self.steps = open(f"{files}/train.jsonl")
        self.model = BertForPreTraining(BertConfig.from_pretrained(folder)).train()
        missing, unexpected = self.model.load_state_dict(load_file(f"{folder}/model.safetensors"), strict=False)
        # Weights that are tied, and so are there under another name.
        missing = [name for name in missing if not name.startswith("cls.predictions.decoder.")]
        assert not missing and not unexpected, (missing, unexpected)
        self.model.tie_weights()
        named = list(self.model.named_parameters())
        bare = [name for name, _ in named if name.endswith("bias") or "LayerNorm." in name]
        self.optimizer = torch.optim.AdamW([
            dict(params=[each for name, each in named if name not in bare], weight_decay=0.01),
            dict(params=[each for name, each in named if name in bare], weight_decay=0.0)], lr=0.0, eps=1e-8)

    def run(self, count):
        lines = [json.loads(line) for line in itertools.islice(self.steps, count)]
        losses, started = [], time.perf_counter()
        for line in lines:
            for group in self.optimizer.param_groups:
                group["lr"] = line["learning_rate"]
            loss = self.model(**padded(line)).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad()
            losses.append(loss.item())
        return dict(tokens=sum(sum(line["lengths"]) for line in lines), seconds=time.perf_counter() - started, losses=losses)

    @torch.no_grad()
    def evaluate(self):
        self.model.eval()
        masked, right, texts, next_right = 0, 0, 0, 0
        for line in open(f"{self.files}/dev.jsonl"):
            batch = padded(json.loads(line))
            output = self.model(**batch)
            chosen = batch["labels"] != -100
            masked += int(chosen.sum())
            right += int((output.prediction_logits.argmax(-1) == batch["labels"])[chosen].sum())
            texts += len(batch["next_sentence_label"])
            next_right += int((output.seq_relationship_logits.argmax(-1) == batch["next_sentence_label"]).sum())
        return dict(masked_lm_accuracy=right / masked, next_sentence_accuracy=next_right / texts, masked=masked, texts=texts)


for line in sys.stdin:
    command, *values = line.split()
    if command == "plan":
        current, answer = Run(values[0]), {}
    else:
        answer = current.run(int(values[0])) if command == "run" else current.evaluate()
    print(json.dumps(answer), flush=True)
