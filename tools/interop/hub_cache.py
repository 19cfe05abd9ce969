"""The Hugging Face cache as Python's huggingface_hub sees it. Reads {"id", "cache", "endpoint" or null} from stdin, prints the folder.

Without an endpoint it may not ask the network. Run by test/interop/files.test.ts in the environment of tools/python.
"""
import json, os, sys

spec = json.load(sys.stdin)
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
if spec["endpoint"]:
    os.environ["HF_ENDPOINT"] = spec["endpoint"]
else:
    os.environ["HF_HUB_OFFLINE"] = "1"
from huggingface_hub import scan_cache_dir, snapshot_download

folder = snapshot_download(spec["id"], cache_dir=spec["cache"], local_files_only=not spec["endpoint"])
files = sorted(os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names)
scan = scan_cache_dir(spec["cache"])
print(json.dumps(dict(folder=folder, files=files, warnings=[str(each) for each in scan.warnings], repos=[each.repo_id for each in scan.repos])))
