"""Optional (reference values): the texts of tests/data/test_chat.c as Hugging Face renders them.

    python dev/reference/make_chats.py [tests/data/fixtures/chats.json] [../shared]

Needs transformers and jinja2. Reads the fixture, renders every conversation by its template with the Jinja of
apply_chat_template, and writes the fixture again; a text is null where that raises an error. The templates were written
for the test: some in the styles of real models, some for one construct of the language each. Qwen3's is read from
../shared/tokenizers; without that folder, its entry stays as it is. A template that would print today's date is given
none.
"""
import json
import os
import sys

from jinja2 import TemplateError
from transformers.utils.chat_template_utils import _compile_jinja_template


def render(template, messages):
    compiled = _compile_jinja_template(template)
    compiled.environment.globals.pop("strftime_now", None)
    try:
        return compiled.render(messages=messages, tools=None, documents=None, add_generation_prompt=True,
                               bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")
    except (TemplateError, TypeError):
        return None


def main(path, shared):
    with open(path) as file:
        fixture = json.load(file)
    for chat in fixture:
        template, config = chat["template"], f"{shared}/{chat['name']}/tokenizer_config.json"
        if template is None and os.path.exists(config):
            with open(config) as file:
                template = json.load(file)["chat_template"]
        for prompt in chat["prompts"] if template is not None else []:
            prompt["text"] = render(template, prompt["messages"])
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main(*(sys.argv[1:] + ["tests/data/fixtures/chats.json", "../shared"][len(sys.argv) - 1:]))
