"""Optional (reference values): the prompts of tests/model/files/test_chat.c as Hugging Face renders them.

    python dev/reference/make_chats.py [tests/model/fixtures/chats.json] [../shared]

Needs transformers and jinja2. Reads the fixture, renders every pair of a system and a user message by its template with
apply_chat_template, and writes the fixture again. The templates were written for the test in the styles of real models.
Qwen3's is read from ../shared/tokenizers; without that folder, its entry stays as it is. A template that prints today's
date gets none.
"""
import json
import os
import sys

from transformers.utils.chat_template_utils import render_jinja_template


def render(template, system, user):
    messages = [{"role": "system", "content": system}] if system is not None else []
    messages.append({"role": "user", "content": user})
    return render_jinja_template([messages], chat_template=template, add_generation_prompt=True,
                                 bos_token="<|begin_of_text|>")[0][0]


def main(path, shared):
    with open(path) as file:
        fixture = json.load(file)
    for chat in fixture:
        template, config = chat["template"], f"{shared}/{chat['name']}/tokenizer_config.json"
        if template is None and os.path.exists(config):
            with open(config) as file:
                template = json.load(file)["chat_template"]
        for prompt in chat["prompts"] if template is not None else []:
            prompt["text"] = render(template, prompt["system"], prompt["user"])
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*(sys.argv[1:] + ["tests/model/fixtures/chats.json", "../shared"][len(sys.argv) - 1:]))
