"""PyTorch's loss of smoothed labels, with and without class weights, and gradients by it.

Writes test/fixtures/label-smoothing.json: loss, and gradients of the classifier's bias and of the first layer's query bias, for the model and
the batch of test/fixtures/tasks/bert-class-weights (tools/oracles/task_models.py).

Run in the repository's root:  python tools/oracles/label_smoothing.py
Needs torch, transformers, safetensors.
"""
import json
import torch, transformers
from safetensors.torch import load_file
from transformers import BertForSequenceClassification

FOLDER, SMOOTHING = "test/fixtures/tasks/bert-class-weights", 0.15
torch.set_num_threads(1)
golden = load_file(f"{FOLDER}/golden.safetensors")
batch = {key.removeprefix("input."): value for key, value in golden.items() if key.startswith("input.")}
labels = batch.pop("labels")
model = BertForSequenceClassification.from_pretrained(FOLDER, attn_implementation="eager").eval()


def case(weights):
    model.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(**batch).logits, labels, weight=weights, label_smoothing=SMOOTHING)
    loss.backward()
    named = dict(model.named_parameters())
    names = ["classifier.bias", "bert.encoder.layer.0.attention.output.dense.bias"]
    return dict(weighted=weights is not None, loss=loss.item(), gradients={name: named[name].grad.tolist() for name in names})


json.dump(dict(program="tools/oracles/label_smoothing.py", torch=torch.__version__, transformers=transformers.__version__,
               labelSmoothing=SMOOTHING, cases=[case(None), case(golden["class_weights"])]),
          open("test/fixtures/label-smoothing.json", "w"), indent=2)
