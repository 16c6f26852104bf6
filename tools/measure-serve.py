#!/usr/bin/env python3
"""Measures a server with OpenAI's protocol, such as `phial serve`: tokens per second and the wait for the first one,
with more and more clients at once. Needs nothing but Python.

    ./phial serve tiny-phi3-gguf-Q4_K_M.gguf --parallel 16 &
    tools/measure-serve.py http://127.0.0.1:8080/v1

Each client sends prompts of its own, one after the other, of about 100 tokens, and reads a stream of TOKENS tokens.
"""

import argparse
import json
import os
import statistics
import threading
import time
import urllib.request

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("url")
parser.add_argument("--model", help="the first that is served, by default")
parser.add_argument("--clients", default="1,2,4,8,16,64", help="how many at once, one number after the other")
parser.add_argument("--tokens", type=int, default=64)
parser.add_argument("--requests", type=int, default=4, help="of each client")
options = parser.parse_args()
headers = {"Content-Type": "application/json"}
if "PHIAL_API_KEY" in os.environ:
    headers["Authorization"] = "Bearer " + os.environ["PHIAL_API_KEY"]


def call(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(options.url + path, data, headers), timeout=600)


model = options.model or json.load(call("/models"))["data"][0]["id"]


def one(prompt):
    """Asks once; gives the tokens, and the seconds until the first."""
    body = {"model": model, "prompt": prompt, "max_tokens": options.tokens, "ignore_eos": True, "temperature": 0}
    body.update(stream=True, stream_options={"include_usage": True})
    start = time.monotonic()
    first = tokens = 0
    with call("/completions", body) as answer:
        for line in answer:
            if line.startswith(b"data: {"):
                event = json.loads(line[6:])
                first = first or time.monotonic() - start
                tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
    return tokens, first


def round_of(clients, seed):
    results = []

    def client(number):
        for turn in range(options.requests):
            results.append(one(f"{seed} {number} {turn} " + "the king and all his men " * 16))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results, time.monotonic() - start


round_of(2, "warm")
print("clients  tokens/s  first token: median  slowest")
for clients in map(int, options.clients.split(",")):
    results, seconds = round_of(clients, f"run {clients}")
    assert len(results) == clients * options.requests and all(tokens == options.tokens for tokens, _ in results)
    waits = sorted(first for _, first in results)
    total = sum(tokens for tokens, _ in results)
    print(f"{clients:7}  {total / seconds:8.1f}  {statistics.median(waits):18.3f} s  {waits[-1]:.3f} s", flush=True)
