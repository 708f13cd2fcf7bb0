// Runs a command and makes one of its system calls fail, as a disk would.
//
//   fault N ERRNO COMMAND...      the N-th counted call fails with that error (a number), without being made
//   fault -N ERRNO COMMAND...     so do all from the N-th on
//   fault 0 0 COMMAND...          none fails
//
// Counted are calls on files below the working folder: opened by a relative path, or on a descriptor of such a file.
// So neither the libraries' files nor the terminal count. With ENOSPC (28) only calls that may take space count. The
// number of counted calls, and the name of the one that
// failed, go to descriptor 9 if it is open. Returns the command's status; 128 + the signal that ended it.
//
// A seccomp filter stops the process at these calls alone, and ptrace changes what they return: this works for calls
// made inside the C library, which LD_PRELOAD does not see. Linux on x86-64.
#ifdef __x86_64__
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Call {
    long number;
    const char *name;
    int path, fd; // which argument is a path, or a descriptor; -1: none
    bool space;   // it may take space; open: with O_CREAT
} Call;
static const Call calls[] = {
    {SYS_openat, "openat", 1, -1, true},                 {SYS_write, "write", -1, 0, true},
    {SYS_pwrite64, "pwrite", -1, 0, true},               {SYS_writev, "writev", -1, 0, true},
    {SYS_fsync, "fsync", -1, 0, true},                   {SYS_fdatasync, "fdatasync", -1, 0, true},
    {SYS_rename, "rename", 0, -1, true},                 {SYS_renameat, "rename", 1, -1, true},
    {SYS_renameat2, "rename", 1, -1, true},              {SYS_mkdir, "mkdir", 0, -1, true},
    {SYS_rmdir, "rmdir", 0, -1, false},                  {SYS_unlink, "unlink", 0, -1, false},
    {SYS_unlinkat, "unlink", 1, 0, false},               {SYS_ftruncate, "truncate", -1, 0, false},
    {SYS_flock, "flock", -1, 0, false},                  {SYS_close, "close", -1, 0, false},
    {SYS_mmap, "mmap", -1, 4, false},                    {SYS_newfstatat, "stat", 1, 0, false},
    {SYS_lseek, "lseek", -1, 0, false},                  {SYS_getdents64, "readdir", -1, 0, false},
    {SYS_read, "read", -1, 0, false},                    {SYS_pread64, "pread", -1, 0, false}};
enum { CALLS = sizeof calls / sizeof *calls };

static void die(const char *what) {
    perror(what);
    exit(127);
}

// In the child: from here on the calls of the table stop for the tracer.
static void install_filter(void) {
    struct sock_filter code[2 * CALLS + 3];
    int n = 0;
    code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (int i = 0; i < CALLS; i++) {
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)n, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die("seccomp");
}

// Whether the path in the process's memory is relative; an empty one (fstat) is none.
static bool relative(pid_t pid, unsigned long long address, bool *empty) {
    char first = 0;
    struct iovec here = {&first, 1}, there = {(void *)address, 1}; // NOLINT: an address of the other process
    bool read = process_vm_readv(pid, &here, 1, &there, 1, 0) == 1;
    *empty = read && first == 0;
    return read && first && first != '/';
}

static bool below_folder(pid_t pid, unsigned long long fd) {
    char link[64], path[PATH_MAX], folder[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/fd/%d", (int)pid, (int)fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n <= 0 || !getcwd(folder, sizeof folder)) return false;
    path[n] = 0;
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && path[length] == '/';
}

static bool counts(pid_t pid, const Call *call, const struct user_regs_struct *regs, int error) {
    const unsigned long long arguments[] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
    bool creates = call->number != SYS_openat || arguments[2] & O_CREAT;
    if (error == ENOSPC && !(call->space && creates)) return false;
    bool empty = call->path < 0;
    if (call->path >= 0 && relative(pid, arguments[call->path], &empty)) return true;
    return empty && call->fd >= 0 && below_folder(pid, arguments[call->fd]);
}

int main(int argc, char **argv) {
    if (argc < 4) return fprintf(stderr, "usage: fault N ERRNO COMMAND...\n"), 127;
    long at = atol(argv[1]), seen = 0;
    int error = atoi(argv[2]);
    const char *failed = "none";
    pid_t child = fork();
    if (child == 0) {
        close(9);
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) die("ptrace");
        raise(SIGSTOP);
        install_filter();
        execvp(argv[3], argv + 3);
        die(argv[3]);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) die("fork");
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC;
    if (ptrace(PTRACE_SETOPTIONS, child, NULL, options) != 0) die("ptrace");
    ptrace(PTRACE_CONT, child, NULL, NULL);
    for (;;) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0) die("waitpid");
        if (!WIFSTOPPED(status)) {
            if (pid == child) break;
            continue; // a thread has ended
        }
        int deliver = WSTOPSIG(status), event = status >> 16;
        if (event == PTRACE_EVENT_SECCOMP) {
            struct user_regs_struct regs;
            const Call *call = calls;
            ptrace(PTRACE_GETREGS, pid, NULL, &regs);
            while (call < calls + CALLS - 1 && call->number != (long)regs.orig_rax) call++;
            if (counts(pid, call, &regs, error) && (++seen == labs(at) || (at < 0 && seen > -at))) {
                if (seen == labs(at)) failed = call->name;
                regs.orig_rax = (unsigned long long)-1; // it is not made
                regs.rax = (unsigned long long)-error;
                ptrace(PTRACE_SETREGS, pid, NULL, &regs);
            }
        }
        if (event || deliver == SIGSTOP || deliver == SIGTRAP) deliver = 0;
        ptrace(PTRACE_CONT, pid, NULL, (long)deliver);
    }
    dprintf(9, "%ld %s\n", seen, failed);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
#else
int main(void) { return 127; }
#endif
