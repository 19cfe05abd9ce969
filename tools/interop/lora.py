"""Adapters of ours on their base in peft. Reads {"folder", "base", "labels", "texts"} from stdin, and prints the logits of each text by the
model with its adapters merged by us ("merged") and by the base model with the adapters of the folder's `adapter` ("adapted"), and what
peft says of the adapters.

Run by test/interop/lora.test.ts in the environment of tools/python.
"""
import json, os, sys
os.environ["HF_HUB_OFFLINE"] = "1"
import torch
from peft import PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

given = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(given["folder"])


def logits(model):
    with torch.no_grad():
        return [model(**tokenizer(text, return_tensors="pt")).logits[0].double().tolist() for text in given["texts"]]


merged = AutoModelForSequenceClassification.from_pretrained(given["folder"]).eval()
base = AutoModelForSequenceClassification.from_pretrained(given["base"], num_labels=given["labels"]).eval()
adapted = PeftModel.from_pretrained(base, f"{given['folder']}/adapter").eval()
config = adapted.peft_config["default"]
result = dict(merged=logits(merged), adapted=logits(adapted), base=config.base_model_name_or_path, task=str(getattr(config.task_type, "value", config.task_type)), rank=config.r)
print(json.dumps(result))
