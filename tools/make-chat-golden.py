"""Writes the golden file of ChatTemplateTest: what transformers makes of chats with Phi-style templates.

Usage: python tools/make-chat-golden.py fixtures/models engine/src/test/resources/dev/phial/engine/chat
It was made with transformers 5.23 and Jinja2 3.1.6.
"""

import json
import pathlib
import sys

import jinja2
from transformers import AutoTokenizer
from transformers.utils.chat_template_utils import render_jinja_template

models = pathlib.Path(sys.argv[1])
output = pathlib.Path(sys.argv[2]) / "chat-golden.json"

TOKENS = {"bos_token": "<s>", "eos_token": "<|endoftext|>", "unk_token": "<unk>", "pad_token": "<|endoftext|>"}

TEMPLATES = {
    # Phi-3-small
    "every role": """{{ bos_token }}{% for message in messages %}{{'<|' + message['role'] + '|>' + '\\n' + message['content'] + '<|end|>\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}""",
    # Phi-3-medium and the first Phi-3-mini
    "no system": """{{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') %}{{'<|user|>' + '\\n' + message['content'] + '<|end|>' + '\\n' + '<|assistant|>' + '\\n'}}{% elif (message['role'] == 'assistant') %}{{message['content'] + '<|end|>' + '\\n'}}{% endif %}{% endfor %}""",
    # Phi-3.5
    "system if any": """{% for message in messages %}{% if message['role'] == 'system' and message['content'] %}{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'user' %}{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}{% elif message['role'] == 'assistant' %}{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}""",
    # Phi-4-mini, its tools in the system message
    "tools of a message": """{% for message in messages %}{% if message['role'] == 'system' and 'tools' in message and message['tools'] is not none %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|tool|>' + message['tools'] + '<|/tool|>' + '<|end|>' }}{% else %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% else %}{{ eos_token }}{% endif %}""",
    # Phi-4-mini-reasoning
    "default system": """{% if messages|length == 0 or messages[0]['role'] != 'system' %}{{ '<|system|>You answer in rhymes.<|end|>' }}{% endif %}{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}""",
    # Phi-4-reasoning, over several lines
    "long system": """<|im_start|>system<|im_sep|>You think before you speak. Write your thoughts as <think> {Thoughts} </think> and then {Answer}; mind "quotes", 'single ones' and \\ backslashes. Now go:<|im_end|>
{%- for message in messages %}
    {% if (message['role'] == 'user') %}
        {{- '<|im_start|>user<|im_sep|>' + message['content'] + '<|im_end|>' }}
    {% elif (message['role'] == 'assistant') %}
        {{- '<|im_start|>assistant<|im_sep|>' }}
        {% generation %}
        {{ message['content'] + '<|im_end|>' }}
        {% endgeneration %}
    {% endif %}
{% endfor %}
{% if add_generation_prompt %}{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}
""",
    "tools as json": """{%- if tools %}
  {{- '<|system|>' }}
  {%- if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}
  {{- '<|tool|>' + tools | tojson + '<|/tool|><|end|>' }}
{%- endif %}
{%- for message in messages %}
  {%- if not (message.role == 'system' and tools) %}
    {{- '<|' ~ message.role ~ '|>' }}
    {%- if message.tool_calls is defined and message.tool_calls %}
      {{- '<|tool_call|>[' }}
      {%- for call in message.tool_calls %}
        {{- {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}{{ ', ' if not loop.last }}
      {%- endfor %}
      {{- ']<|/tool_call|>' }}
    {%- elif message.content is string %}
      {{- message.content | trim }}
    {%- endif %}
    {{- '<|end|>' }}
  {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{% endif %}""",
    "whitespace": """{# a comment #}
  {% set x = 1 %}
a
  {% if x == 1 %}
  b
    {%- if true -%}
  c
    {% endif %}
  {% endif %}
  {# another #}
d {% if x %} e {% endif %} f
{% for i in range(3) %}
  {{ i }}
{% endfor %}

g
{%+ if x %}h{% endif +%}
{{ x }}
{{- x -}}
   i

""",
    "control": """{% set ns = namespace(found=false, count=0) %}
{% for message in messages %}
{% if message['role'] == 'system' %}{% continue %}{% endif %}
{% set ns.count = ns.count + 1 %}
{% if message.content.startswith('Of') %}{% set ns.found = true %}{% break %}{% endif %}
[{{ loop.index }}/{{ loop.index0 }} {{ loop.first }} {{ loop.last }} {{ loop.length }} {{ message.content.split(' ')[0] | upper }}]
{% else %}
none
{% endfor %}
{{ ns.count }} {{ ns.found }} {{ 'yes' if ns.found else 'no' }}""",
    "expressions": """{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ 7 % 4 }} {{ 2 ** 5 }} {{ 7 / 2 }} {{ -3 + 1 }} {{ 'a' ~ 1 ~ true }}
{{ 'abc'[1] }} {{ 'abcdef'[1:3] }} {{ messages[-1].content }} {{ messages[1:] | length }} {{ [1, 2, 3] | join(', ') }}
{{ none is none }} {{ x is defined }} {{ x is not defined }} {{ 'b' in 'abc' }} {{ 'b' not in ['a'] }} {{ not true }} {{ true and false or true }}
{{ x | default('d') }} {{ '  t ' | trim }}| {{ 'Hello' | lower }} {{ 'a b' | title }} {{ 'abc' | replace('b', 'X') }} {{ 'abc' | length }} {{ [3, 1] | first }} {{ [3, 1] | last }}
{{ {'a': 1, 'b': [1, 2.5, true, none, 'q"\\n\\u00e9']} | tojson }}
{{ {'a': {'b': []}, 'c': {}} | tojson(indent=2) }}
{{ 'x'.strip() }} {{ ' y '.strip() }}| {{ 'zz'.rstrip('z') }}| {{ 'a-b-c'.split('-') | join('+') }} {{ 'abc'.endswith('c') }} {{ 'A'.lower() }} {{ 'b'.upper() }}
{% for k, v in {'one': 1, 'two': 2}.items() %}{{ k }}={{ v }};{% endfor %}
{% for m in messages if m.role == 'user' %}{{ m.content }};{% endfor %}
{{ messages | map(attribute='role') | join(',') }} {{ messages | selectattr('role', 'equalto', 'user') | list | length }}
{% macro hi(name, mark='!') %}Hi {{ name }}{{ mark }}{% endmacro %}{{ hi('Bo') }} {{ hi('Al', mark='?') }}
{% raw %}{{ not this }}{% endraw %} {{ "dq 'in' it" }} {{ 'sq "in" it' }} {{ 'tab\\tback\\\\slash' }} {{ '{{ braces }}' }}
{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set block %}in a block{% endset %}{{ block }} {{ 3 == 3.0 }} {{ 'a' < 'b' }} {{ (1, 2) | length }} {{ messages[0].get('nope', 'dflt') }}""",
    "refusal": """{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}{{ message.content }}{% endfor %}""",
}

VALUES = [
    r"""'ΑΣ ΣΑΣ.ΣΑ Σ ΑΣ!'.lower()""",
    r"""'Straße ŉ ᾈ ﬁ é'.upper()""",
    r"""'İSTANBUL' | lower""",
    r"""'ǆx éY'.title()""",
    r"""'éA' | capitalize""",
    r"""'a--b--c--d'.split('--', 2)""",
    r"""'a--b--c--d'.rsplit('--', 2)""",
    r"""'aaaa'.split('aa')""",
    r"""'aaaaa'.rsplit('aa')""",
    r"""' a  b c '.split()""",
    r"""' a  b c '.split(none, 1)""",
    r"""'ab😀'.replace('', '-')""",
    r"""'aXbXc'.replace('X', '', 1)""",
    r"""'ab' | replace('', '.', 2)""",
    r"""'😀a😀'.strip('😀')""",
    r"""'xyabyx'.lstrip('yx')""",
    r"""'xyabyx'.rstrip('yx')""",
    r"""'ababab'.find('bab')""",
    r"""'ababab'.rfind('bab')""",
    r"""'ababab'.find('c')""",
    r"""'😀ab'.find('b')""",
    r"""'aaaa'.count('aa')""",
    r"""'a😀'.count('')""",
    r"""'abc'.rfind('')""",
    r"""'hello'[-3:-1]""",
    r"""'hello'[4:0:-2]""",
    r"""'😀bc'[::-1]""",
    r"""'😀bc'[1]""",
    r"""'😀bc'[-3]""",
    r"""'bc😀'[5] is defined""",
    r"""[1, 2, 3, 4][::-2]""",
    r"""[1, 2, 3][5:]""",
    r"""['a\x01\x7f\x85\xa0\u200b\U000e0001é']""",
    r"""'abc'.startswith(('x', 'ab'))""",
    r"""'abc'.endswith('bc')""",
    r"""'a\n\nb'.splitlines()""",
    r"""'a\nb\n\nc' | indent(2)""",
    r"""'a\nb\n\nc' | indent('> ', true, true)""",
    r"""'&<>"\'' | e""",
    r"""['b', 'A', 'a', 'B'] | sort""",
    r"""['b', 'A', 'a', 'B'] | sort(reverse=true, case_sensitive=true)""",
    r"""['b', 'A', 'a', 'B'] | unique | list""",
    r"""[{'a': 1}, {'a': 2}, {'a': 1}] | unique(attribute='a') | list""",
    r"""['b', 'A'] | min""",
    r"""'abc' | first""",
    r"""'abc' | last""",
    r"""{'a': [1, 2.5]} | tojson(indent=20)""",
    r"""{'b': 1, 'a': 'é'} | tojson(sort_keys=true, ensure_ascii=true)""",
    r"""[1, 2] | tojson(separators=('.', ':'))""",
    r"""'ab' in 'cabd'""",
    r"""'' in 'a'""",
    r"""none in {'a': 1}""",
    r"""{'a': 1}.get(none, 'x')""",
    r"""{'a': 1}[none] is defined""",
    r"""{'a': 1}[[1]] is defined""",
    r"""messages[0]""",
    r"""messages[0].get(none)""",
    r"""' 42 ' | int""",
    r"""'4.7' | int""",
    r"""'x' | int(7)""",
    r"""' 1e3 ' | float""",
    r"""[1, [2, 'a'], {'k': none}] == [1, [2, 'a'], {'k': none}]""",
    r"""1e22""",
    r"""0.1 + 0.2""",
]

CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Ödense", "days": 2, "metric": True, "note": None}}}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather in a city: \"sun\" & <rain>",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]},
        },
    }
]
CHATS = [
    [{"role": "user", "content": "Hi there"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who art thou?"},
        {"role": "assistant", "content": "A king."},
        {"role": "user", "content": "Of what?"},
    ],
    [{"role": "system", "content": ""}, {"role": "user", "content": "  {{ 1 + 1 }} {% if x %} {# no #} <|end|> \\n é😀\n\n"}],
    [
        {"role": "system", "content": "Use tools.", "tools": '[{"name": "weather"}]'},
        {"role": "user", "content": "Rain?"},
        {"role": "assistant", "content": "", "tool_calls": [CALL, CALL]},
        {"role": "tool", "content": '{"rain": true}'},
    ],
]


def render(template, chat, tools, prompt):
    try:
        return render_jinja_template([chat], tools=tools, chat_template=template, add_generation_prompt=prompt, **TOKENS)[0][0]
    except jinja2.TemplateError as e:
        return {"error": str(e)}


golden = {"tokens": TOKENS, "templates": TEMPLATES, "chats": CHATS, "tools": TOOLS, "cases": [], "values": [], "models": {}}
for name, template in TEMPLATES.items():
    for number, chat in enumerate(CHATS):
        for tools in (None, TOOLS) if "tools" in name else (None,):
            for prompt in (True, False):
                golden["cases"].append([name, number, tools is not None, prompt, render(template, chat, tools, prompt)])

golden["values"] = [[value, render("{{ " + value + " }}", CHATS[0], None, False)] for value in VALUES]

for model in "phi3-mini-4k phi3-medium-128k phi35-moe phi4 phi4-mini tiny-phi3".split():
    tokenizer = AutoTokenizer.from_pretrained(models / model)
    golden["models"][model] = [
        [number, prompt, tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=prompt)]
        for number, chat in enumerate(CHATS)
        for prompt in (True, False)
    ]

output.write_text(json.dumps(golden, indent=1) + "\n")
