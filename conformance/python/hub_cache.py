"""Where huggingface_hub finds a model: hub_cache.py ENDPOINT HF_HOME ID offline|online"""

import os
import sys

endpoint, home, model, mode = sys.argv[1:]
os.environ["HF_ENDPOINT"] = endpoint
os.environ["HF_HOME"] = home
os.environ["HF_HUB_DISABLE_XET"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
if mode == "offline":
    os.environ["HF_HUB_OFFLINE"] = "1"

from huggingface_hub import hf_hub_download, scan_cache_dir, snapshot_download

folder = snapshot_download(model)
assert hf_hub_download(model, "config.json") == os.path.join(folder, "config.json")
cache = scan_cache_dir()
assert not cache.warnings, cache.warnings
assert [repo.repo_id for repo in cache.repos] == [model]
print(folder)
