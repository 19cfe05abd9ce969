"""huggingface_hub's InferenceClient against task models of ours. Reads {"answer", "mask"}, each with "url" and what to ask, from stdin,
prints what the client gave as JSON.

Run by test/interop/pythonClients.test.ts in the environment of tools/python.
"""
import dataclasses, json, sys
from huggingface_hub import InferenceClient

spec = json.load(sys.stdin)
fields = lambda given: {name: value for name, value in dataclasses.asdict(given).items() if value is not None}
plain = lambda given: [fields(each) for each in given] if isinstance(given, list) else fields(given)
question, mask = spec["answer"], spec["mask"]
ask = lambda **options: plain(InferenceClient(model=f"{question['url']}/answer").question_answering(
    question["question"], question["context"], **options))
fill = lambda **options: plain(InferenceClient(model=f"{mask['url']}/fill-mask").fill_mask(mask["text"], **options))
one = ask()
print(json.dumps(dict(
    answer=one,
    # Python's own slice of the context.
    slice=question["context"][one["start"]:one["end"]],
    answers=ask(top_k=4, align_to_words=False),
    filled=fill(),
    targets=fill(targets=["layers", "workers", "the"]),
)))
