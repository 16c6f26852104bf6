"""Asks a server with OpenAI's own client, and prints as JSON what it says. Arguments: base URL, model, key."""

import enum
import json
import sys
from typing import Optional

import openai
import pydantic

url, model, key = sys.argv[1:]
client = openai.OpenAI(base_url=url, api_key=key, max_retries=0)
question = [{"role": "user", "content": "Who is there?"}]
more = {"ignore_eos": True}  # the demo would rather be silent
usual = dict(model=model, messages=question, max_tokens=16, seed=5, temperature=0.8, extra_body=more)
found = {"models": [each.id for each in client.models.list()], "retrieved": client.models.retrieve(model).id}

chat = client.chat.completions.create(**usual, n=2, logprobs=True, top_logprobs=3)
found["chat"] = [choice.message.content for choice in chat.choices]
found["finish"] = [choice.finish_reason for choice in chat.choices]
found["roles"] = [choice.message.role for choice in chat.choices]
found["chat_tokens"] = ["".join(token.token for token in choice.logprobs.content) for choice in chat.choices]
found["alternatives"] = [len(token.top_logprobs) for token in chat.choices[0].logprobs.content]
found["bytes"] = [bytes(token.bytes).decode() == token.token for token in chat.choices[0].logprobs.content]
found["usage"] = chat.usage.to_dict()

streamed, finish, usage = ["", ""], ["", ""], None
for chunk in client.chat.completions.create(**usual, n=2, stream=True, stream_options={"include_usage": True}):
    usage = chunk.usage or usage
    for choice in chunk.choices:
        streamed[choice.index] += choice.delta.content or ""
        finish[choice.index] = choice.finish_reason or finish[choice.index]
found["streamed"], found["streamed_finish"], found["streamed_usage"] = streamed, finish, usage.to_dict()

# the helper that puts a stream together
short = dict(model=model, messages=question, temperature=0)
with client.chat.completions.stream(**short) as stream:
    for _ in stream:
        pass
    found["helper"] = stream.get_final_completion().choices[0].message.content
found["short"] = client.chat.completions.create(**short).choices[0].message.content



class King(pydantic.BaseModel):
    class Side(enum.Enum):
        york = "York"
        lancaster = "Lancaster"

    number: int
    side: Side
    is_dead: bool
    heir: Optional["King"]


king = client.chat.completions.parse(**short, seed=1, response_format=King).choices[0].message.parsed
found["king"] = [type(king).__name__, king.side.value, king.is_dead]

text = client.completions.create(
    model=model, prompt=["What is", "O king"], max_tokens=8, temperature=0, echo=True, logprobs=2, stop=["\n\n"]
)
found["texts"] = [choice.text for choice in text.choices]
found["text_tokens"] = ["".join(choice.logprobs.tokens) for choice in text.choices]
found["text_alternatives"] = [len(each or {}) for each in text.choices[0].logprobs.top_logprobs]
parts = client.completions.create(model=model, prompt="What is", max_tokens=8, temperature=0, echo=True, stream=True)
found["text_streamed"] = "".join(part.choices[0].text for part in parts)
found["extra"] = (
    client.completions.create(
        model=model, prompt="What is", max_tokens=4, extra_body={"top_k": 1, "ignore_eos": True}
    ).usage.completion_tokens
)


def refusal(call):
    try:
        call()
        return None
    except openai.APIStatusError as e:
        return {"kind": type(e).__name__, "code": e.code, "param": e.param, "message": e.message}


found["refusals"] = {
    "model": refusal(lambda: client.chat.completions.create(model="none", messages=question)),
    "schema": refusal(
        lambda: client.chat.completions.create(
            **short, response_format={"type": "json_schema", "json_schema": {"name": "list", "schema": {"type": "array"}}}
        )
    ),
    "length": refusal(lambda: client.completions.create(model=model, prompt="king " * 5000)),
    "key": refusal(lambda: client.with_options(api_key="wrong").models.list()),
}
print(json.dumps(found))
