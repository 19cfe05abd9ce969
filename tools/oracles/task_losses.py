"""Learning rates of transformers and losses of PyTorch and transformers, for libs/training.

Run:   python tools/oracles/task_losses.py      (writes libs/training/fixtures/learning-rates.json and task-losses.json)
Needs: torch 2.15, transformers 5.23

Losses are float64 over a whole data set; the tests compute them over batches. Logits and labels are in the order of
libs/transformer's tasks (packed tokens for token classification and question answering). Seed 0.
"""
import json
import os

import torch
import transformers
from torch.nn import functional as F
from transformers import optimization as schedules

OUT = os.path.join(os.path.dirname(__file__), "../../libs/training/fixtures")
VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}
torch.manual_seed(0)


def write(name, value):
    with open(os.path.join(OUT, name), "w", encoding="utf8") as file:
        json.dump({"program": "tools/oracles/task_losses.py, seed 0", "versions": VERSIONS, **value}, file, separators=(",", ":"))
        file.write("\n")


def rates(shape, warmup, steps, peak, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    schedule = {
        "linear": lambda: schedules.get_linear_schedule_with_warmup(optimizer, warmup, steps),
        "cosine": lambda: schedules.get_cosine_schedule_with_warmup(optimizer, warmup, steps),
        "constant": lambda: schedules.get_constant_schedule_with_warmup(optimizer, warmup),
        "polynomial": lambda: schedules.get_polynomial_decay_schedule_with_warmup(
            optimizer, warmup, steps, lr_end=options.get("end", 1e-7), power=options.get("power", 1.0)
        ),
        "inverse_sqrt": lambda: schedules.get_inverse_sqrt_schedule(optimizer, warmup),
    }[shape]()
    values = []
    for _ in range(steps + 3):  # a few steps beyond the end
        values.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return {"schedule": {"shape": shape, "peak": peak, "totalSteps": steps, "warmupSteps": warmup, **options}, "rates": values}


write("learning-rates.json", {"cases": [
    *(rates(shape, warmup, 17, 5e-5) for shape in ("linear", "cosine", "constant", "polynomial", "inverse_sqrt") for warmup in (0, 4)),
    rates("polynomial", 3, 12, 6e-3, power=0.5, end=1e-4),
    rates("linear", 10, 8, 1e-3),
]})


def tolist(tensor):
    return [round(x, 4) if isinstance(x, float) else x for x in tensor.flatten().tolist()]


def rounded(*shape):
    return torch.round(torch.randn(*shape, dtype=torch.float64) * 2, decimals=4)


logits, labels = rounded(7, 3), torch.randint(3, (7,))
weights = torch.tensor([0.5, 2.0, 1.25], dtype=torch.float64)
flags, values, targets = torch.randint(2, (7, 3)).double(), rounded(7, 1), rounded(7, 1)
pair_values, pair_targets = rounded(7, 2), rounded(7, 2)
lengths = [5, 3, 6]
spans = rounded(sum(lengths), 2)
positions = [(1, 3), (0, 0), (2, 2)]
span_loss = torch.stack([
    (F.cross_entropy(part[:, 0], torch.tensor(start)) + F.cross_entropy(part[:, 1], torch.tensor(end))) / 2
    for part, (start, end) in zip(spans.split(lengths), positions)
]).mean()
write("task-losses.json", {
    "single": {"logits": tolist(logits), "labels": tolist(labels), "loss": F.cross_entropy(logits, labels).item()},
    "weighted": {"classWeights": tolist(weights), "loss": F.cross_entropy(logits, labels, weights).item()},
    "multiLabel": {"labels": tolist(flags), "loss": F.binary_cross_entropy_with_logits(logits, flags).item()},
    "regression": {"logits": tolist(values), "labels": tolist(targets), "loss": F.mse_loss(values, targets).item()},
    "regressionOfTwo": {"logits": tolist(pair_values), "labels": tolist(pair_targets), "loss": F.mse_loss(pair_values, pair_targets).item()},
    "spans": {
        "logits": tolist(spans), "lengths": lengths, "starts": [start for start, _ in positions],
        "ends": [end for _, end in positions], "loss": span_loss.item(),
    },
})
