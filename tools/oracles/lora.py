"""Low-rank adapters as peft trains, saves and merges them.

Writes test/fixtures/lora/: initial/ and trained/ (adapters as save_pretrained writes them; B is not 0 at the beginning, so that A has a
gradient from the first step on) and golden.json: losses and gradient norms of six steps of AdamW, and the logits of the merged model.
The base model and the batch are those of test/fixtures/tasks/bert-class-weights (tools/oracles/task_models.py), without class weights.

Run in the repository's root:  python tools/oracles/lora.py
Needs torch, transformers, peft, safetensors; versions are written to golden.json.
"""
import json, os, shutil
import peft, torch, transformers
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file
from transformers import BertForSequenceClassification

SEED, STEPS, RATE, DECAY = 20261128, 6, 0.01, 0.01
BASE, OUT = "test/fixtures/tasks/bert-class-weights", "test/fixtures/lora"
torch.set_num_threads(1)
torch.manual_seed(SEED)

golden = load_file(f"{BASE}/golden.safetensors")
batch = {key.removeprefix("input."): value for key, value in golden.items() if key.startswith("input.")}
base = BertForSequenceClassification.from_pretrained(BASE, attn_implementation="eager")
config = LoraConfig(task_type="SEQ_CLS", r=2, lora_alpha=6, target_modules=["query", "value", "output.dense"])
model = get_peft_model(base, config).eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            parameter.add_(torch.randn(parameter.shape) * 0.2)

shutil.rmtree(OUT, ignore_errors=True)
def save(name):
    model.save_pretrained(f"{OUT}/{name}")
    os.remove(f"{OUT}/{name}/README.md")
save("initial")

trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW([
    dict(params=[parameter for name, parameter in trained if not name.endswith("bias")], weight_decay=DECAY),
    dict(params=[parameter for name, parameter in trained if name.endswith("bias")], weight_decay=0.0)], lr=RATE)
losses, norms = [], []
for _ in range(STEPS):
    optimizer.zero_grad()
    loss = model(**batch).loss
    loss.backward()
    losses.append(loss.item())
    norms.append(torch.nn.utils.clip_grad_norm_([parameter for _, parameter in trained], float("inf")).item())
    optimizer.step()
save("trained")
merged = model.merge_and_unload().eval()
with torch.no_grad():
    logits = merged(**batch).logits
json.dump(dict(program="tools/oracles/lora.py", seed=SEED, learningRate=RATE, weightDecay=DECAY, losses=losses, norms=norms,
               logits=logits.tolist(), peft=peft.__version__, torch=torch.__version__, transformers=transformers.__version__),
          open(f"{OUT}/golden.json", "w"), indent=2)
