// The arena: pointers appear at commit, do not overlap, are aligned and cleared; planning afterwards is refused.
#include "kernels/device/arena.h"
#include "tests/kernels/kernel_test.h"
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_layout(void **state) {
    (void)state;
    KernelTest t = test_open();
    Arena arena = {.name = "test"};
    enum { COUNT = 6 };
    char *part[COUNT] = {0};
    const size_t bytes[COUNT] = {1, 128, 129, 0, 4000, 7};
    for (int i = 0; i < COUNT; i++) arena_plan(&arena, (void **)&part[i], bytes[i], "part");
    assert_int_equal(arena.bytes, 128 + 128 + 256 + 0 + 4096 + 128);
    assert_true(part[0] == NULL);
    mallopt(M_PERTURB, 0x5a); // what the host's allocator gives is not 0 by chance
    arena_commit(&arena, t.dev);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal((uintptr_t)part[i] % 128, 0);
        if (i > 0) assert_true(part[i] >= part[i - 1] + bytes[i - 1]);
        char *h = DOWNLOAD(&t, part[i], bytes[i]);
        for (size_t k = 0; k < bytes[i]; k++) assert_int_equal(h[k], 0);
    }
    assert_true(part[COUNT - 1] + bytes[COUNT - 1] <= (char *)arena.memory + arena.bytes);
    arena_free(&arena, t.dev);
    assert_true(arena.memory == NULL && arena.count == 0 && arena.bytes == 0 && !strcmp(arena.name, "test"));
    test_close(&t);
}

static void test_macro(void **state) {
    (void)state;
    KernelTest t = test_open();
    Arena arena = {.name = "test"};
    double *x = NULL;
    ARENA_PLAN(&arena, x, 17);
    assert_int_equal(arena.entries[0].bytes, 17 * sizeof(double));
    assert_string_equal(arena.entries[0].name, "x");
    arena_commit(&arena, t.dev);
    assert_non_null(x);
    arena_free(&arena, t.dev);
    arena_free(&arena, t.dev); // an arena that holds nothing may be freed
    test_close(&t);
}

static void test_planning_after_commit_is_refused(void **state) {
    (void)state;
    fflush(NULL);
    pid_t child = fork(); // before any device is open: a GPU's context does not survive a fork
    if (child == 0) {
        fclose(stderr);
        int *x, *y;
        Arena arena = {.name = "test"};
        Device *dev = device_open(1, 0, NULL);
        ARENA_PLAN(&arena, x, 1);
        arena_commit(&arena, dev);
        ARENA_PLAN(&arena, y, 1);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_planning_after_commit_is_refused),
                                       cmocka_unit_test(test_layout), cmocka_unit_test(test_macro)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
