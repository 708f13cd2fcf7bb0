// Optional (recipes): an example of --reward-command: the reward of recipes/reward.py in C, with cJSON.
//
//   make recipes/reward && ./train ... --reward-command recipes/reward        also ./eval; rl/reward_command.h
#define _GNU_SOURCE // getline
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The last whole number in text, with its sign: n bytes of it. NULL: there is none.
static const char *last_number(const char *text, size_t *n) {
    const char *found = NULL;
    for (const char *at = text; *at;) {
        const char *start = at, *digits = at + (*at == '-');
        at = digits + strspn(digits, "0123456789");
        if (at > digits) found = start, *n = (size_t)(at - start);
        else at = start + 1;
    }
    return found;
}

static double grade(const char *response, const char *gold, int truncated, int *correct) {
    size_t n = 0, m = 0, same = 0;
    const char *said = last_number(response, &n), *right = last_number(gold, &m);
    double length = 0;
    for (const char *c = response; *c; c++) length += ((unsigned char)*c & 0xc0) != 0x80; // characters, not bytes
    *correct = said && right && n == m && memcmp(said, right, n) == 0 && !truncated;
    if (!said || !right) return -0.002 * length;
    while (same < n && same < m && said[n - 1 - same] == right[m - 1 - same]) same++;
    return (*correct ? 1 : 0.3 * (double)same / (double)m) - 0.002 * length;
}

int main(void) {
    char *line = NULL;
    size_t room = 0;
    while (getline(&line, &room, stdin) > 0) { // one row a line, until the run ends
        cJSON *row = cJSON_Parse(line);
        const char *id = cJSON_GetStringValue(cJSON_GetObjectItem(row, "id"));
        const char *response = cJSON_GetStringValue(cJSON_GetObjectItem(row, "response"));
        const char *gold = cJSON_GetStringValue(cJSON_GetObjectItem(row, "gold"));
        if (!id || !response || !gold) return fprintf(stderr, "reward: not a row: %s", line), 1;
        int correct, truncated = cJSON_IsTrue(cJSON_GetObjectItem(row, "truncated"));
        double reward = grade(response, gold, truncated, &correct);
        printf("{\"id\":\"%s\",\"reward\":%.17g,\"correct\":%s}\n", id, reward, correct ? "true" : "false");
        fflush(stdout); // the run waits for it
        cJSON_Delete(row);
    }
    free(line);
    return 0;
}
