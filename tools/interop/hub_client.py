"""huggingface_hub's InferenceClient against a server of ours. Reads {"url", "texts"} from stdin, prints what the client gave as JSON.

Run by test/interop/pythonClients.test.ts in the environment of tools/python.
"""
import json, sys
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError

spec = json.load(sys.stdin)
url, texts = spec["url"], spec["texts"]
embed = lambda where=f"{url}/embed", **options: InferenceClient(model=where).feature_extraction(texts, **options).tolist()

result = dict(
    embed=embed(),
    # The server's address alone, as the client's documentation shows it.
    root=embed(url),
    single=InferenceClient(model=url).feature_extraction(texts[0]).tolist(),
    raw=embed(normalize=False),
    query=embed(prompt_name="query"),
    dimensions=embed(dimensions=8),
    left=embed(truncate=True, truncation_direction="left"),
    similarity=InferenceClient(model=f"{url}/similarity").sentence_similarity(texts[0], other_sentences=texts[1:]),
)
try:
    embed(truncate=False)
except HfHubHTTPError as error:
    result["too_long"] = dict(status=error.response.status_code, message=str(error))
print(json.dumps(result))
