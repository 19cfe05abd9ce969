"""OpenAI's Python client fine-tunes on a server of ours. Reads {"url", "model", "path", "hyperparameters", "seconds"} from stdin: uploads
the file, creates a job on two stages, waits for its end (at most so many seconds), and prints what the client gave as JSON.

Run by test/interop/trainingClients.test.ts in the environment of tools/python.
"""
import json, sys, time
import openai

spec = json.load(sys.stdin)
client = openai.OpenAI(base_url=f"{spec['url']}/v1", api_key="unused", max_retries=0)
with open(spec["path"], "rb") as data:
    file = client.files.create(file=data, purpose="fine-tune")
supervised = dict(hyperparameters=spec["hyperparameters"], stages=2)
job = client.fine_tuning.jobs.create(
    model=spec["model"], training_file=file.id, suffix="python", seed=3, method=dict(type="supervised", supervised=supervised)
)
deadline = time.monotonic() + spec["seconds"]
while job.status not in ("succeeded", "failed", "cancelled") and time.monotonic() < deadline:
    time.sleep(0.2)
    job = client.fine_tuning.jobs.retrieve(job.id)
events = list(client.fine_tuning.jobs.list_events(job.id, limit=10))
print(json.dumps(dict(
    job=job.id,
    status=job.status,
    error=job.error and job.error.message,
    model=job.fine_tuned_model,
    trained_tokens=job.trained_tokens,
    # The iterator asks for page after page.
    messages=[each.message for each in reversed(events)],
    checkpoints=[each.step_number for each in client.fine_tuning.jobs.checkpoints.list(job.id)],
    jobs=[each.id for each in client.fine_tuning.jobs.list()],
    models=sorted(each.id for each in client.models.list()),
    result=[client.files.content(each).text for each in job.result_files],
)))
