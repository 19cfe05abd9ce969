"""PyTorch's loss of a teacher's softened logits beside labels (Hinton et al. 2015), with and without class weights, and gradients by it.

Writes test/fixtures/distillation.json: the teacher's logits, and for each case the loss, its parts, and gradients of the classifier's bias and of
a bias in the first layer, for the model and the batch of test/fixtures/tasks/bert-class-weights (tools/oracles/task_models.py).

Run in the repository's root:  python tools/oracles/distillation.py
Needs torch, transformers, safetensors.
"""
import json
import torch, transformers
from safetensors.torch import load_file
from torch.nn.functional import cross_entropy, kl_div, log_softmax, softmax
from transformers import BertForSequenceClassification

FOLDER, SEED = "test/fixtures/tasks/bert-class-weights", 20261128
torch.set_num_threads(1)
torch.manual_seed(SEED)
golden = load_file(f"{FOLDER}/golden.safetensors")
batch = {key.removeprefix("input."): value for key, value in golden.items() if key.startswith("input.")}
labels = batch.pop("labels")
model = BertForSequenceClassification.from_pretrained(FOLDER, attn_implementation="eager").eval()
teacher = torch.randn(len(labels), 3) * 3


def case(weights, temperature, alpha):
    model.zero_grad()
    logits = model(**batch).logits
    divergence = kl_div(log_softmax(logits / temperature, -1), softmax(teacher / temperature, -1), reduction="batchmean")
    taught, labelled = divergence * temperature ** 2, cross_entropy(logits, labels, weight=weights)
    loss = alpha * taught + (1 - alpha) * labelled
    loss.backward()
    named = dict(model.named_parameters())
    names = ["classifier.bias", "bert.encoder.layer.0.attention.output.dense.bias"]
    return dict(weighted=weights is not None, temperature=temperature, alpha=alpha, loss=loss.item(),
                parts=dict(labels=((1 - alpha) * labelled).item(), teacher=(alpha * taught).item()),
                gradients={name: named[name].grad.tolist() for name in names})


json.dump(dict(program="tools/oracles/distillation.py", seed=SEED, torch=torch.__version__, transformers=transformers.__version__,
               teacherLogits=teacher.tolist(),
               cases=[case(None, 2.0, 0.5), case(golden["class_weights"], 4.0, 0.9), case(None, 1.0, 1.0)]),
          open("test/fixtures/distillation.json", "w"), indent=2)
