#define _GNU_SOURCE // accept4, pipe2
#include "kernels/device/rendezvous.h"
#include "base/clock.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 10, HOST = 256 };
#define TOGETHER "start all ranks with the same command, and where they run on several machines set DYNAMO_RENDEZVOUS"

typedef struct Hello { // a rank's first words
    char magic[8];
    uint64_t secret;
    int32_t rank, size;
} Hello;

typedef struct News { // what goes over a connection afterwards
    int32_t kind, rank;
} News;
enum { GOODBYE, DEATH };

struct Rendezvous {
    Launch launch;
    int *peers;    // sockets; rank 0: one a rank (its own -1); others: one, to rank 0. -1 once it said goodbye
    int count;
    int wake[2];   // a pipe: rendezvous_close ends the thread with it
    pthread_t thread;
};

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); }

// ---- Who am I ------------------------------------------------------------------------------------------------------
static bool number(const char *name, int *to, Error *err) {
    const char *text = getenv(name);
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    if (!text) return fail(err, "%s is not set, though its launcher's other variables are", name);
    if (end == text || *end || value < 0 || value > 1 << 20) return fail(err, "%s=%s: must be a whole number from 0", name, text);
    *to = (int)value;
    return true;
}

// Some launchers give every process a GPU of its own (srun --gpus-per-task=1): it sees no other, and that one is its first.
static bool sees_one_gpu(void) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    return visible && *visible && !strchr(visible, ',');
}

bool launch_read(Launch *launch, Error *err) {
    static const char *const names[][3] = {{"RANK", "WORLD_SIZE", "LOCAL_RANK"},
                                           {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
                                           {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
                                           {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"}};
    *launch = (Launch){0, 1, 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const *n = names[i];
        if (!getenv(n[0]) || !getenv(n[1])) continue;
        if (!number(n[0], &launch->rank, err) || !number(n[1], &launch->size, err) || !number(n[2], &launch->local_rank, err)) return false;
        if (sees_one_gpu()) launch->local_rank = 0;
        if (launch->rank < launch->size) return true;
        return fail(err, "%s=%d of %s=%d: ranks count from 0", n[0], launch->rank, n[1], launch->size);
    }
    return true;
}

// The processes of one launcher on one machine have one parent.
static void rendezvous_path(char *path, size_t size) {
    const char *given = getenv("DYNAMO_RENDEZVOUS");
    if (given && *given) snprintf(path, size, "%s", given);
    else snprintf(path, size, "/tmp/dynamo-rendezvous.%d.%d", (int)getuid(), (int)getppid());
}

// ---- Sockets -------------------------------------------------------------------------------------------------------
static bool all_bytes(int socket_, void *bytes, size_t n, bool sends) {
    for (char *at = bytes; n > 0;) {
        ssize_t done = sends ? send(socket_, at, n, MSG_NOSIGNAL) : recv(socket_, at, n, 0);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done, n -= (size_t)done;
    }
    return true;
}

// Answers within seconds while ranks meet; and a machine that goes silent counts as dead after 20 seconds.
static void set_options(int socket_) {
    int yes = 1, five = 5, three = 3;
    struct timeval answer = {.tv_sec = ANSWER_SECONDS};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &answer, sizeof answer);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &answer, sizeof answer);
    setsockopt(socket_, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    setsockopt(socket_, IPPROTO_TCP, TCP_KEEPIDLE, &five, sizeof five);
    setsockopt(socket_, IPPROTO_TCP, TCP_KEEPINTVL, &five, sizeof five);
    setsockopt(socket_, IPPROTO_TCP, TCP_KEEPCNT, &three, sizeof three);
}

static int connect_to(const char *host, const char *port) {
    char mine[HOST] = "";
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    gethostname(mine, sizeof mine - 1);
    if (getaddrinfo(strcmp(host, mine) == 0 ? "127.0.0.1" : host, port, &hints, &found) != 0) return -1;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s >= 0) set_options(s);
    if (s >= 0 && connect(s, found->ai_addr, found->ai_addrlen) != 0) close(s), s = -1;
    freeaddrinfo(found);
    return s;
}

static int listen_anywhere(int backlog, int *port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY)};
    socklen_t length = sizeof address;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s < 0) return -1;
    if (bind(s, (struct sockaddr *)&address, length) == 0 && listen(s, backlog) == 0 && getsockname(s, (struct sockaddr *)&address, &length) == 0) {
        *port = ntohs(address.sin_port);
        return s;
    }
    close(s);
    return -1;
}

// ---- Meeting -------------------------------------------------------------------------------------------------------
// Appears whole or not at all.
static bool write_rendezvous(const char *path, int port, uint64_t secret, Error *err) {
    char host[HOST] = "", temporary[1100];
    gethostname(host, sizeof host - 1);
    snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    int fd = open(temporary, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!file) return fail(err, "%s: %s: set DYNAMO_RENDEZVOUS to a file that all ranks can reach", temporary, strerror(errno));
    fprintf(file, "%s %d %llu\n", host, port, (unsigned long long)secret);
    if (fclose(file) == 0 && rename(temporary, path) == 0) return true;
    return fail(err, "%s: %s: set DYNAMO_RENDEZVOUS to a file that all ranks can reach", path, strerror(errno));
}

static bool same_job(const Hello *hello, const Hello *mine) {
    return memcmp(hello->magic, mine->magic, sizeof mine->magic) == 0 && hello->secret == mine->secret && hello->size == mine->size &&
           hello->rank > 0 && hello->rank < mine->size;
}

// Takes in every rank that knows the secret; strangers are sent away.
static bool gather(Rendezvous *l, int listener, const Hello *mine, void *message, size_t bytes, double deadline, Error *err) {
    for (int missing = l->launch.size - 1; missing > 0;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        Hello hello;
        if (seconds_now() > deadline) {
            int r = 1;
            while (l->peers[r] >= 0) r++;
            return fail(err, "rank %d of %d has not come: " TOGETHER, r, l->launch.size);
        }
        int s = poll(&ready, 1, 200) == 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (s < 0) continue;
        set_options(s);
        if (all_bytes(s, &hello, sizeof hello, false) && same_job(&hello, mine) && l->peers[hello.rank] < 0 && all_bytes(s, message, bytes, true)) {
            l->peers[hello.rank] = s;
            missing--;
        } else {
            close(s);
        }
    }
    return true;
}

static bool host_the_others(Rendezvous *l, const char *path, void *message, size_t bytes, double deadline, Error *err) {
    Hello mine = {"dynamo.", 0, 0, l->launch.size};
    int port, listener = listen_anywhere(l->launch.size, &port);
    if (listener < 0) return fail(err, "no port to listen on: %s", strerror(errno));
    bool ok = getrandom(&mine.secret, sizeof mine.secret, 0) == sizeof mine.secret || fail(err, "getrandom: %s", strerror(errno));
    ok = ok && write_rendezvous(path, port, mine.secret, err);
    bool all_here = ok && gather(l, listener, &mine, message, bytes, deadline, err);
    if (ok) unlink(path);
    close(listener);
    return all_here;
}

// The file may still be that of an earlier job, or rank 0 may be gone: then nobody answers, and we look again.
static bool join_rank_0(Rendezvous *l, const char *path, void *message, size_t bytes, double deadline, Error *err) {
    Hello hello = {"dynamo.", 0, l->launch.rank, l->launch.size};
    for (; seconds_now() < deadline; nap()) {
        char host[HOST], port[8];
        unsigned long long secret;
        FILE *file = fopen(path, "r");
        bool whole = file && fscanf(file, "%255s %7s %llu", host, port, &secret) == 3;
        if (file) fclose(file);
        int s = whole ? connect_to(host, port) : -1;
        if (s < 0) continue;
        hello.secret = secret;
        if (all_bytes(s, &hello, sizeof hello, true) && all_bytes(s, message, bytes, false)) {
            l->peers[0] = s;
            return true;
        }
        close(s);
    }
    return fail(err, "rank %d of %d did not find rank 0 through %s: " TOGETHER, l->launch.rank, l->launch.size, path);
}

// ---- Watching ------------------------------------------------------------------------------------------------------
static void tell(const Rendezvous *l, News news) {
    for (int i = 0; i < l->count; i++)
        if (l->peers[i] >= 0) all_bytes(l->peers[i], &news, sizeof news, true);
}

__attribute__((noreturn)) static void die_with(const Rendezvous *l, int rank) {
    if (l->launch.rank == 0) tell(l, (News){DEATH, rank});
    fprintf(stderr, "rank %d: rank %d has died; this rank ends too. The newest checkpoint is whole: go on from it with --resume\n",
            l->launch.rank, rank);
    end_process();
}

static void *watch(void *rendezvous) {
    Rendezvous *l = rendezvous;
    struct pollfd *fds = calloc((size_t)l->count + 1, sizeof *fds);
    REQUIRE(fds, "out of memory");
    for (;;) {
        for (int i = 0; i < l->count; i++) fds[i] = (struct pollfd){.fd = l->peers[i], .events = POLLIN}; // poll passes over -1
        fds[l->count] = (struct pollfd){.fd = l->wake[0], .events = POLLIN};
        if (poll(fds, (nfds_t)l->count + 1, -1) < 0) continue;
        for (int i = 0; i < l->count; i++) {
            News news;
            if (!fds[i].revents) continue;
            if (!all_bytes(l->peers[i], &news, sizeof news, false)) die_with(l, i); // ranks but 0 have one peer, rank 0
            if (news.kind == DEATH) die_with(l, news.rank);
            close(l->peers[i]);
            l->peers[i] = -1;
        }
        if (fds[l->count].revents) break;
    }
    free(fds);
    return NULL;
}

Rendezvous *rendezvous_open(const Launch *launch, void *message, size_t bytes, double seconds, Error *err) {
    char path[1024];
    Rendezvous *l = calloc(1, sizeof *l);
    REQUIRE(l, "out of memory");
    *l = (Rendezvous){.launch = *launch, .count = launch->rank == 0 ? launch->size : 1};
    l->peers = malloc((size_t)l->count * sizeof *l->peers);
    REQUIRE(l->peers, "out of memory");
    for (int i = 0; i < l->count; i++) l->peers[i] = -1;
    rendezvous_path(path, sizeof path);
    double deadline = seconds_now() + seconds;
    bool met = launch->rank == 0 ? host_the_others(l, path, message, bytes, deadline, err) : join_rank_0(l, path, message, bytes, deadline, err);
    if (met && pipe2(l->wake, O_CLOEXEC) == 0 && pthread_create(&l->thread, NULL, watch, l) == 0) return l;
    if (met) fail(err, "no thread to watch the other ranks: %s", strerror(errno));
    for (int i = 0; i < l->count; i++)
        if (l->peers[i] >= 0) close(l->peers[i]);
    free(l->peers);
    free(l);
    return NULL;
}

void rendezvous_close(Rendezvous *l) {
    if (!l) return;
    ssize_t woken = write(l->wake[1], "", 1);
    REQUIRE(woken == 1, "the thread that watches the other ranks does not answer");
    pthread_join(l->thread, NULL);
    tell(l, (News){GOODBYE, l->launch.rank});
    for (int i = 0; i < l->count; i++)
        if (l->peers[i] >= 0) close(l->peers[i]);
    close(l->wake[0]), close(l->wake[1]);
    free(l->peers);
    free(l);
}
