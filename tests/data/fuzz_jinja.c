// libFuzzer target: the input as a chat template, which is rendered if it can be.
#include "base/check.h"
#include "data/jinja.h"
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char text[] =
        "{\"messages\":[{\"role\":\"system\",\"content\":\" s \"},{\"role\":\"user\",\"content\":"
        "\"caf\xc3\xa9 a,b\"}],\"tools\":null,\"add_generation_prompt\":true,\"bos_token\":\"<s>\"}";
    cJSON *variables = cJSON_Parse(text);
    char *source = malloc(size + 1);
    Error err = {""};
    if (!source || !variables) abort();
    memcpy(source, data, size);
    source[size] = 0;
    char *rendered = jinja_render(source, variables, &err);
    if (!rendered && !*err.text) abort();
    free(rendered), free(source), cJSON_Delete(variables);
    return 0;
}
