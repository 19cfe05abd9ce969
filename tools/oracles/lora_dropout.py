"""peft's lora_dropout with given masks: loss and gradients of a step.

Writes test/fixtures/lora-dropout.json. Model, batch and adapter are those of tools/oracles/lora.py (test/fixtures/lora/initial). In place of
torch.nn.Dropout each adapted layer gets a module that multiplies by a mask: of the layer's number m among the adapted ones, packed row t and
column i, 0 where (31 t + 17 i + 7 m) % 10 < 3, else 1 / (1 - 0.3).

Run in the repository's root:  python tools/oracles/lora_dropout.py
Needs torch, transformers, peft, safetensors.
"""
import json
import peft, torch, transformers
from peft import PeftModel
from peft.tuners.lora import Linear
from safetensors.torch import load_file
from transformers import BertForSequenceClassification

BASE, ADAPTER, RATE = "test/fixtures/tasks/bert-class-weights", "test/fixtures/lora/initial", 0.3
torch.set_num_threads(1)
golden = load_file(f"{BASE}/golden.safetensors")
batch = {key.removeprefix("input."): value for key, value in golden.items() if key.startswith("input.")}
base = BertForSequenceClassification.from_pretrained(BASE, attn_implementation="eager")
model = PeftModel.from_pretrained(base, ADAPTER, is_trainable=True).eval()
real = batch["attention_mask"].bool()
row = torch.zeros(real.shape, dtype=torch.long)
row[real] = torch.arange(int(real.sum()))


class Given(torch.nn.Module):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, x):
        column = torch.arange(x.shape[-1])
        dropped = (31 * row[..., None] + 17 * column + 7 * self.number) % 10 < 3
        return x * torch.where(dropped, 0.0, 1 / (1 - RATE))


adapted = [module for module in model.modules() if isinstance(module, Linear)]
for number, module in enumerate(adapted):
    module.lora_dropout["default"] = Given(number)
loss = model(**batch).loss
loss.backward()
gradients = {name.replace(".default", ""): parameter.grad for name, parameter in model.named_parameters() if parameter.grad is not None}
json.dump(dict(program="tools/oracles/lora_dropout.py", rate=RATE, adapted=len(adapted), loss=loss.item(),
               gradients={name: gradient.flatten().tolist() for name, gradient in gradients.items() if ".0." in name or "classifier.bias" in name},
               peft=peft.__version__, torch=torch.__version__, transformers=transformers.__version__),
          open("test/fixtures/lora-dropout.json", "w"), indent=1)
