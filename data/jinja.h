// Optional (chat templates): Jinja, the template language in which Hugging Face models state the form of a chat.
//
// An interpreter of the part of the language that chat templates use, with Hugging Face's settings (trim_blocks,
// lstrip_blocks). It prints the bytes that Jinja2 prints, or it fails: whatever it does not know, and whatever raises
// an error in Python, is an error here. Nothing is approximated.
//
//   statements   for (with if, else and two targets), if, set (also of a namespace), generation; macros that are not
//                called; comments; the signs - and + of every tag
//   expressions  texts, whole numbers, lists, dicts; or and not; == != < <= > >= in; + - * // % ~; a if b else c;
//                a.b a[b] a[b:c:d]; namespace, range, raise_exception; loop.first, .index0, ...
//   filters      trim length count upper lower replace default string list first last join safe
//   tests        defined undefined none string mapping iterable sequence boolean number integer true false
//   methods      strip lstrip rstrip split startswith endswith upper lower replace; get items keys values
//
// Source: the documentation of Jinja 3.1 ("Template Designer Documentation"). One departure: strftime_now is undefined,
// since a run must not depend on the day it is started; templates that ask for it have a fixed date for that case.
#ifndef DATA_JINJA_H
#define DATA_JINJA_H
#include "base/check.h"
#include <cjson/cJSON.h>

// The template's text, rendered; zero-terminated, to be freed. variables: a JSON object, by name. NULL with the reason
// in err. Templates are untrusted: depth, steps and the length of the text are limited.
char *jinja_render(const char *source, const cJSON *variables, Error *err);

#endif
