"""Adapters of ours on their base in peft. Reads {"folder", "unmerged", "base", "labels", "texts"} from stdin, and prints the logits of each text by
the model with its adapters merged by us ("merged"), by the base model with the adapters of the folder's `adapter` ("adapted") and with
those of a model that is an adapter ("beside"), and what peft says of the adapters.

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


def on_base(adapter):
    base = AutoModelForSequenceClassification.from_pretrained(given["base"], num_labels=given["labels"]).eval()
    return PeftModel.from_pretrained(base, adapter).eval()


adapted = on_base(f"{given['folder']}/adapter")
config = adapted.peft_config["default"]
result = dict(merged=logits(merged), adapted=logits(adapted), beside=logits(on_base(given["unmerged"])), base=config.base_model_name_or_path, task=str(getattr(config.task_type, "value", config.task_type)), rank=config.r)
print(json.dumps(result))
