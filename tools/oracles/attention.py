"""Attention probabilities of the tiny fixtures, as transformers' eager attention gives them with output_attentions=True.

Writes test/fixtures/attention/: <family>.safetensors with input_ids and token_type_ids [L] (the second text of test/fixtures/encoders/<family>,
which has a padding token in its middle) and probabilities [layers, heads, L, L]; the same of the adapter of test/fixtures/lora merged into its
base by peft (lora.safetensors); and texts.json with texts and pairs for the tokenizer of test/fixtures/tiny-encoder, whose probabilities lie in
texts.safetensors.

Run in the repository's root:  python tools/oracles/attention.py
Needs torch, transformers, peft, safetensors; versions are written to texts.json. Nothing here is random.
"""
import json, os
import peft, torch, transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

OUT = "test/fixtures/attention"
FAMILIES = ["bert", "roberta", "xlm-roberta", "distilbert", "distilbert-sinusoidal", "mpnet"]
TEXTS = [["a text", "the stages of a pipeline run layers."],
         ["a pair", ["a worker runs the layers.", "which worker runs them?"]],
         ["characters beyond the basic plane", "the 🚀 layers"]]
torch.set_num_threads(1)
os.makedirs(OUT, exist_ok=True)


def probabilities(model, inputs):
    with torch.no_grad():
        return torch.cat(model.eval()(**inputs, output_attentions=True).attentions).contiguous()


def save(name, model, ids, types):
    inputs = dict(input_ids=ids[None], attention_mask=torch.ones_like(ids)[None])
    if types is not None:
        inputs["token_type_ids"] = types[None]
    types = torch.zeros_like(ids) if types is None else types.contiguous()
    save_file(dict(input_ids=ids.int().contiguous(), token_type_ids=types.int(), probabilities=probabilities(model, inputs)), f"{OUT}/{name}.safetensors")


for name in FAMILIES:
    folder = f"test/fixtures/encoders/{name}"
    golden = load_file(f"{folder}/golden.safetensors")
    of_text = lambda key: golden[key][1].contiguous() if key in golden else None
    save(name, AutoModel.from_pretrained(folder, attn_implementation="eager"), of_text("input.input_ids"), of_text("input.token_type_ids"))

base = AutoModelForSequenceClassification.from_pretrained("test/fixtures/tasks/bert-class-weights", attn_implementation="eager")
adapted = peft.PeftModel.from_pretrained(base, "test/fixtures/lora/trained").merge_and_unload()
golden = load_file("test/fixtures/encoders/bert/golden.safetensors")
save("lora", adapted, golden["input.input_ids"][1, :11] % base.config.vocab_size, golden["input.token_type_ids"][1, :11])

folder = "test/fixtures/tiny-encoder"
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder, attn_implementation="eager")
cases, tensors = [], {}
for index, (title, inputs) in enumerate(TEXTS):
    encoded = tokenizer(*([inputs] if isinstance(inputs, str) else inputs), return_offsets_mapping=True, return_token_type_ids=True)
    segments = encoded.sequence_ids()
    tensors[str(index)] = probabilities(model, {key: torch.tensor([encoded[key]]) for key in ("input_ids", "token_type_ids", "attention_mask")})
    cases.append(dict(title=title, inputs=inputs, ids=encoded["input_ids"], tokens=encoded.tokens(), segments=segments,
                      code_points=[None if segment is None else list(offset) for segment, offset in zip(segments, encoded["offset_mapping"])]))
save_file(tensors, f"{OUT}/texts.safetensors")
json.dump(dict(program="tools/oracles/attention.py", torch=torch.__version__, transformers=transformers.__version__, peft=peft.__version__,
               cases=cases), open(f"{OUT}/texts.json", "w"), indent=2, ensure_ascii=False)
