"""Parquet files as Hugging Face's datasets and pyarrow write them, with the rows that they hold.

Writes libs/training/fixtures/parquet/: labels.parquet (datasets: text, a ClassLabel with one missing label, a 64-bit id; three row groups),
tags.parquet (datasets: tokens, and a list of ClassLabels), and answers-<codec>.parquet (pyarrow: nested answers, and a null) in every codec;
rows.json has what our reader is to give.

Run in the repository's root:  python tools/oracles/parquet_files.py
Needs datasets, pyarrow; versions are written to rows.json.
"""
import json, os, shutil
import datasets, pyarrow
from datasets import ClassLabel, Dataset, Features, Sequence, Value
from pyarrow import parquet

OUT = "libs/training/fixtures/parquet"
shutil.rmtree(OUT, ignore_errors=True)
os.makedirs(OUT)
names = ["negative", "neutral", "positive"]

labels = dict(text=[f"text {at}, caf\u00e9" for at in range(7)], label=[at % 3 for at in range(6)] + [-1], id=[2**40 + at for at in range(7)])
features = Features(text=Value("string"), label=ClassLabel(names=names), id=Value("int64"))
Dataset.from_dict(labels, features=features).to_parquet(f"{OUT}/labels.parquet", batch_size=3)

tags = dict(tokens=[["a", "red", "car"], ["road"]], ner_tags=[[0, 0, 1], [2]])
features = Features(tokens=Sequence(Value("string")), ner_tags=Sequence(ClassLabel(names=["O", "B-CAR", "B-ROAD"])))
Dataset.from_dict(tags, features=features).to_parquet(f"{OUT}/tags.parquet")

answers = [dict(question="Which?", context="a red car", answers=dict(text=["red"], answer_start=[2]), score=0.5),
           dict(question="Where?", context="a road", answers=dict(text=[], answer_start=[]), score=None)]
codecs = ["none", "snappy", "gzip", "brotli", "zstd", "lz4"]
for codec in codecs:
    parquet.write_table(pyarrow.Table.from_pylist(answers), f"{OUT}/answers-{codec}.parquet", compression=codec)

rows = dict(
    labels=[dict(text=text, label=None if label < 0 else names[label], id=id) for text, label, id in zip(*labels.values())],
    tags=[dict(tokens=["a", "red", "car"], ner_tags=["O", "O", "B-CAR"]), dict(tokens=["road"], ner_tags=["B-ROAD"])],
    answers=answers)
json.dump(dict(program="tools/oracles/parquet_files.py", datasets=datasets.__version__, pyarrow=pyarrow.__version__, codecs=codecs, **rows),
          open(f"{OUT}/rows.json", "w"), indent=2)
