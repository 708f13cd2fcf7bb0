"""Prompts as Hugging Face's apply_chat_template renders them: the fixture of tests/model/files/test_chat.c.

    python dev/reference/make_chats.py [tests/model/fixtures/chats.json] [../shared]

Needs transformers and jinja2. The templates below are written for this test in the ways that real models write theirs; Qwen3's own is
read from ../shared/tokenizers (only what it renders is stored). A template that prints today's date is given none.
"""
import json
import os
import sys

from transformers.utils.chat_template_utils import render_jinja_template

TEMPLATES = {
    "chatml": ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
               "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"),
    # line feeds and blanks that Jinja drops without being told to
    "chatml_loose": ("{% for message in messages %}\n{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}\n  {% endfor %}\n"
                     "  {% if add_generation_prompt %}\n\t{{- '<|im_start|>assistant\\n' }}{% endif %}\n"),
    # one line, real line feeds inside the literals, a system message of its own
    "chatml_default": ("{% for m in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nYou are a careful model.<|im_end|>\n' }}{% endif %}"
                       "{{'<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"),
    # many lines, tools, an escaped backslash in the system message, an answer that begins inside a thought
    "chatml_thinks": ("{%- if tools %}\n    {{- '<|im_start|>system\\n' }}\n    {%- if messages[0]['role'] == 'system' %}\n        {{- messages[0]['content'] }}\n    {%- endif %}\n"
                      "    {{- \"\\n\\n# Tools\\n\" }}\n    {{- '<|im_end|>\\n' }}\n{%- else %}\n    {%- if messages[0]['role'] == 'system' %}\n"
                      "        {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}\n    {%- else %}\n"
                      "        {{- '<|im_start|>system\\nPut it in \\\\boxed{}.<|im_end|>\\n' }}\n    {%- endif %}\n{%- endif %}\n{#- the turns, that's all #}\n"
                      "{%- for message in messages %}\n    {%- if message.role == 'user' %}\n        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
                      "    {%- endif %}\n{%- endfor %}\n{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n<think>\\n' }}\n{%- endif %}\n"),
    "llama3": ("{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}"
               "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"),
    "llama3_dated": ("{{- bos_token }}\n{%- if not date_string is defined %}\n    {%- set date_string = \"26 Jul 2024\" %}\n{%- endif %}\n{%- if messages[0]['role'] == 'system' %}\n"
                     "    {%- set system_message = messages[0]['content']|trim %}\n    {%- set messages = messages[1:] %}\n{%- else %}\n    {%- set system_message = \"\" %}\n{%- endif %}\n"
                     "{{- \"<|start_header_id|>system<|end_header_id|>\\n\\n\" }}\n{{- \"Cutting Knowledge Date: December 2023\\n\" }}\n{{- \"Today Date: \" + date_string + \"\\n\\n\" }}\n"
                     "{{- system_message }}\n{{- \"<|eot_id|>\" }}\n{%- for message in messages %}\n"
                     "    {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'+ message['content'] | trim + '<|eot_id|>' }}\n{%- endfor %}\n"
                     "{%- if add_generation_prompt %}\n    {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}\n{%- endif %}\n"),
}
MESSAGES = [(None, "What is 3 + 4?"), ("Answer briefly.", "What is 3 + 4?"), (None, "  two\nlines \u3000\n"), ("\tA 'system' \\ \"message\"\n", "\u00a0caf\u00e9 <|im_end|> {{ x }}\x1f"), ("", "x"), (None, "")]


def render(template, system, user):
    messages = ([{"role": "system", "content": system}] if system is not None else []) + [{"role": "user", "content": user}]
    return render_jinja_template([messages], chat_template=template, add_generation_prompt=True, bos_token="<|begin_of_text|>")[0][0]


def main(out, shared):
    templates = dict(TEMPLATES)
    qwen3 = shared + "/tokenizers/qwen3/tokenizer_config.json"
    if os.path.exists(qwen3):
        with open(qwen3) as file:
            templates["tokenizers/qwen3"] = json.load(file)["chat_template"]
    fixture = [{"name": name, "template": template if name in TEMPLATES else None,
                "prompts": [{"system": system, "user": user, "text": render(template, system, user)} for system, user in MESSAGES]}
               for name, template in templates.items()]
    with open(out, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tests/model/fixtures/chats.json", sys.argv[2] if len(sys.argv) > 2 else "../shared")
