"""OpenAI's Python client against a server of ours. Reads {"url", "model", "texts"} from stdin, prints what the client gave as JSON.

Run by test/interop/pythonClients.test.ts in the environment of tools/python.
"""
import json, sys
import openai

spec = json.load(sys.stdin)
client = openai.OpenAI(base_url=f"{spec['url']}/v1", api_key="unused", max_retries=0)
make = lambda **options: client.embeddings.create(model=spec["model"], input=spec["texts"], **options)

standard, floats, coded = make(), make(encoding_format="float"), make(encoding_format="base64")
result = dict(
    default=[each.embedding for each in standard.data],
    float=[each.embedding for each in floats.data],
    # Asked for by name, the client hands the text on as it came.
    base64=[each.embedding for each in coded.data],
    dimensions=[each.embedding for each in make(dimensions=8).data],
    usage=standard.usage.model_dump(include={"prompt_tokens", "total_tokens"}),
    model=standard.model,
    models=[each.id for each in client.models.list()],
    retrieved=client.models.retrieve(spec["model"]).id,
)
ids = client.embeddings.create(model=spec["model"], input=[spec["ids"]])
result["ids"] = [each.embedding for each in ids.data]
for name, call in dict(
    unknown_model=lambda: client.embeddings.create(model="nobody", input="a"),
    empty=lambda: client.embeddings.create(model=spec["model"], input=""),
).items():
    try:
        call()
    except openai.APIStatusError as error:
        result[name] = dict(error=type(error).__name__, status=error.status_code, code=error.code, param=error.param, message=error.message)
print(json.dumps(result))
