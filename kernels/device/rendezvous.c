// Optional (ranks): see rendezvous.h.
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 10, HOST = 256, PATH = 1024, BEATS_A_SECOND = 2, SILENCE_SECONDS = 20 };
#define TOGETHER "start all ranks with the same command, and where they run on several machines set DYNAMO_RENDEZVOUS"

typedef struct Hello { // the first message of a rank that connects
    char magic[8];
    uint64_t secret;
    int32_t rank, size;
} Hello;

typedef struct News { // every later message
    int32_t kind, rank;
} News;
enum { GOODBYE, BEAT, DEATH, SILENCE };

typedef struct Address { // where rank 0 listens; port 0: nowhere
    char host[HOST];
    int port;
    uint64_t secret;
} Address;

struct Rendezvous {
    Launch launch;
    int *peers;    // sockets; rank 0: one per rank (its own is -1); others: one, to rank 0. -1 after its goodbye
    int *silent;   // beats that each of them missed
    int count;
    int patience;  // beats that one may miss
    int wake[2];   // a pipe, through which rendezvous_close ends the thread
    pthread_t thread;
};

static void nap(void) { nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL); }

// ---- Who am I -------------------------------------------------------------------------------------------------------
static bool number(const char *name, int *to, Error *err) {
    const char *text = getenv(name);
    char *end;
    long value = text ? strtol(text, &end, 10) : -1;
    if (!text) return fail(err, "%s is not set, though its launcher's other variables are", name);
    if (end == text || *end || value < 0 || value > 1 << 20)
        return fail(err, "%s=%s: must be a whole number from 0", name, text);
    *to = (int)value;
    return true;
}

bool launch_read(Launch *launch, Error *err) {
    static const char *const names[][3] = {
        {"RANK", "WORLD_SIZE", "LOCAL_RANK"},
        {"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
        {"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"},
        {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID"}};
    const char *gpus = getenv("CUDA_VISIBLE_DEVICES");
    *launch = (Launch){0, 1, 0};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *const *n = names[i];
        if (!getenv(n[0]) || !getenv(n[1])) continue;
        int *to[3] = {&launch->rank, &launch->size, &launch->local_rank};
        for (int k = 0; k < 3; k++)
            if (!number(n[k], to[k], err)) return false;
        if (gpus && *gpus && !strchr(gpus, ',')) launch->local_rank = 0; // it sees one GPU: srun --gpus-per-task=1
        if (launch->rank < launch->size) return true;
        return fail(err, "%s=%d of %s=%d: ranks count from 0", n[0], launch->rank, n[1], launch->size);
    }
    return true;
}

// ---- Sockets --------------------------------------------------------------------------------------------------------
static bool all_bytes(int socket_, void *bytes, size_t n, bool sends) {
    for (char *at = bytes; n > 0;) {
        ssize_t done = sends ? send(socket_, at, n, MSG_NOSIGNAL) : recv(socket_, at, n, 0);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done, n -= (size_t)done;
    }
    return true;
}

// A peer must answer within ANSWER_SECONDS while ranks connect.
static void set_options(int socket_) {
    int yes = 1;
    struct timeval answer = {.tv_sec = ANSWER_SECONDS};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &answer, sizeof answer);
    setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &answer, sizeof answer);
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

static int connect_to(const Address *at) {
    char mine[HOST] = "", port[8];
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
    gethostname(mine, sizeof mine - 1);
    snprintf(port, sizeof port, "%u", (unsigned)at->port & 0xffff);
    if (getaddrinfo(strcmp(at->host, mine) == 0 ? "127.0.0.1" : at->host, port, &hints, &found) != 0) return -1;
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
    struct sockaddr *any = (struct sockaddr *)&address;
    if (bind(s, any, length) == 0 && listen(s, backlog) == 0 && getsockname(s, any, &length) == 0) {
        *port = ntohs(address.sin_port);
        return s;
    }
    close(s);
    return -1;
}

// ---- The rendezvous file --------------------------------------------------------------------------------------------
// $DYNAMO_RENDEZVOUS, or a file named after the parent process, which all processes of one launcher here share, in a
// folder of this user's alone. In /tmp anybody may have made that folder, or a link, before us.
static bool file_path(char path[PATH], Error *err) {
    const char *given = getenv("DYNAMO_RENDEZVOUS"), *temporary = getenv("TMPDIR");
    char folder[PATH - 32];
    struct stat info;
    if (given && *given) {
        int length = snprintf(path, PATH, "%s", given);
        return length < PATH - 16 || fail(err, "DYNAMO_RENDEZVOUS is longer than %d bytes", PATH - 17);
    }
    int length = snprintf(folder, sizeof folder, "%s/dynamo-%d", temporary && *temporary ? temporary : "/tmp",
                          (int)getuid());
    if (length >= (int)sizeof folder) return fail(err, "TMPDIR is longer than %d bytes", PATH - 64);
    snprintf(path, PATH, "%s/rendezvous.%d", folder, (int)getppid());
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) return fail(err, "%s: %s", folder, strerror(errno));
    if (lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == getuid() && !(info.st_mode & 077))
        return true;
    return fail(err, "%s is not a folder that this user alone can enter: remove it, or set DYNAMO_RENDEZVOUS", folder);
}

// The file appears complete or not at all. Only this user may read it: it holds the secret.
static bool write_file(const char *path, const Address *at, Error *err) {
    char temporary[PATH];
    snprintf(temporary, sizeof temporary, "%.*s.%d", PATH - 17, path, (int)getpid());
    unlink(temporary); // of a process that had our number
    int fd = open(temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
    bool written = file && fprintf(file, "%s %d %llu\n", at->host, at->port, (unsigned long long)at->secret) > 0;
    if (file) written = fclose(file) == 0 && written;
    if (written && rename(temporary, path) == 0) return true;
    fail(err, "%s: %s: set DYNAMO_RENDEZVOUS to a file that all ranks can reach", path, strerror(errno));
    if (fd >= 0) unlink(temporary);
    return false;
}

// A file that another user made, or could change, would lead us to their process: *foreign.
static bool read_file(const char *path, Address *at, bool *foreign) {
    struct stat info;
    unsigned long long secret;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    bool ours = fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_uid == getuid() &&
                !(info.st_mode & 077);
    FILE *file = ours ? fdopen(fd, "r") : NULL;
    *foreign = !ours && (fd >= 0 || errno == ELOOP);
    bool whole = file && fscanf(file, "%255s %d %llu", at->host, &at->port, &secret) == 3;
    if (whole) at->secret = secret;
    if (file) fclose(file);
    else if (fd >= 0) close(fd);
    return whole;
}

// ---- Connecting -----------------------------------------------------------------------------------------------------
static bool same_job(const Hello *hello, const Hello *mine) {
    return memcmp(hello->magic, mine->magic, sizeof mine->magic) == 0 && hello->secret == mine->secret &&
           hello->size == mine->size && hello->rank > 0 && hello->rank < mine->size;
}

// Accepts every rank of this job; closes the connection of anyone who does not know the secret.
static bool accept_ranks(Rendezvous *job, int listener, const Hello *mine, void *message, size_t bytes, double end,
                         Error *err) {
    for (int missing = job->launch.size - 1; missing > 0;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        Hello hello;
        if (seconds_now() > end) {
            int r = 1;
            while (job->peers[r] >= 0) r++;
            return fail(err, "rank %d of %d has not connected: " TOGETHER, r, job->launch.size);
        }
        int s = poll(&ready, 1, 200) == 1 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : -1;
        if (s < 0) continue;
        set_options(s);
        bool ours = all_bytes(s, &hello, sizeof hello, false) && same_job(&hello, mine) && job->peers[hello.rank] < 0;
        if (ours && all_bytes(s, message, bytes, true)) {
            job->peers[hello.rank] = s;
            missing--;
        } else {
            close(s);
        }
    }
    return true;
}

static bool connect_as_rank_0(Rendezvous *job, const Broadcast *by, void *message, size_t bytes, double end,
                              Error *err) {
    Hello mine = {"dynamo.", 0, 0, job->launch.size};
    Address at = {.port = 0};
    char path[PATH];
    gethostname(at.host, sizeof at.host - 1);
    int listener = listen_anywhere(job->launch.size, &at.port);
    bool ok = listener >= 0 || fail(err, "no port to listen on: %s", strerror(errno));
    ok = ok && (getrandom(&at.secret, sizeof at.secret, 0) == sizeof at.secret ||
                fail(err, "getrandom: %s", strerror(errno)));
    mine.secret = at.secret;
    if (!ok) at.port = 0;
    if (by) by->send(by->context, &at, sizeof at);
    bool written = ok && !by && file_path(path, err) && write_file(path, &at, err);
    bool complete = ok && (by || written) && accept_ranks(job, listener, &mine, message, bytes, end, err);
    if (written) unlink(path);
    if (listener >= 0) close(listener);
    return complete;
}

// A file may be left from an earlier job, or rank 0 may be gone. Then nobody answers, and we try again.
static bool connect_to_rank_0(Rendezvous *job, const Broadcast *by, void *message, size_t bytes, double end,
                              Error *err) {
    Hello hello = {"dynamo.", 0, job->launch.rank, job->launch.size};
    Address at = {.port = 0};
    char path[PATH] = "";
    bool foreign = false;
    if (by) by->send(by->context, &at, sizeof at);
    else if (!file_path(path, err)) return false;
    for (; seconds_now() < end && (!by || at.port); nap()) {
        int s = by || read_file(path, &at, &foreign) ? connect_to(&at) : -1;
        if (s < 0) continue;
        hello.secret = at.secret;
        if (all_bytes(s, &hello, sizeof hello, true) && all_bytes(s, message, bytes, false)) {
            job->peers[0] = s;
            return true;
        }
        close(s);
    }
    if (by) return fail(err, "rank %d of %d cannot connect to port %d of %s, where rank 0 is", job->launch.rank,
                        job->launch.size, at.port, at.host);
    return fail(err, "rank %d of %d did not find rank 0 in %.200s%s: " TOGETHER, job->launch.rank, job->launch.size,
                path, foreign ? ", which others may have written" : "");
}

// ---- Watching -------------------------------------------------------------------------------------------------------
static void tell(const Rendezvous *job, News news) {
    for (int i = 0; i < job->count; i++)
        if (job->peers[i] >= 0) all_bytes(job->peers[i], &news, sizeof news, true);
}

__attribute__((noreturn)) static void die_with(const Rendezvous *job, News why) {
    alarm(10); // ends this process even if another thread holds stdout while nobody reads it
    if (job->launch.rank == 0) tell(job, why);
    if (why.kind == DEATH) fprintf(stderr, "rank %d: rank %d has died", job->launch.rank, why.rank);
    else
        fprintf(stderr, "rank %d: rank %d was silent for %d seconds: stopped, or cut off", job->launch.rank, why.rank,
                job->patience / BEATS_A_SECOND);
    fprintf(stderr, "; this rank ends too. --resume continues from the newest checkpoint\n");
    end_process();
}

static void hear(Rendezvous *job, int i) { // from peer i; on ranks but 0, i is 0
    News news;
    if (!all_bytes(job->peers[i], &news, sizeof news, false)) die_with(job, (News){DEATH, i});
    if (news.kind == DEATH || news.kind == SILENCE) die_with(job, news);
    job->silent[i] = 0;
    if (news.kind == BEAT) return;
    close(job->peers[i]);
    job->peers[i] = -1;
}

// Silence is counted in our own beats: where all ranks were stopped for a while, nobody is missed.
static void beat(Rendezvous *job) {
    tell(job, (News){BEAT, job->launch.rank});
    for (int i = 0; i < job->count; i++)
        if (job->peers[i] >= 0 && ++job->silent[i] > job->patience) die_with(job, (News){SILENCE, i});
}

static void *watch(void *rendezvous) {
    Rendezvous *job = rendezvous;
    struct pollfd *fds = calloc((size_t)job->count + 1, sizeof *fds);
    REQUIRE(fds, "out of memory");
    for (double next = seconds_now();;) {
        for (int i = 0; i < job->count; i++) fds[i] = (struct pollfd){.fd = job->peers[i], .events = POLLIN}; // or -1
        fds[job->count] = (struct pollfd){.fd = job->wake[0], .events = POLLIN};
        double left = next - seconds_now();
        int ready = poll(fds, (nfds_t)job->count + 1, left > 0 ? (int)(1000 * left) + 1 : 0);
        for (int i = 0; ready > 0 && i < job->count; i++)
            if (fds[i].revents) hear(job, i);
        if (ready > 0 && fds[job->count].revents) break;
        if (seconds_now() < next) continue;
        next = seconds_now() + 1.0 / BEATS_A_SECOND;
        beat(job);
    }
    free(fds);
    return NULL;
}

static void release(Rendezvous *job) {
    for (int i = 0; i < job->count; i++)
        if (job->peers[i] >= 0) close(job->peers[i]);
    free(job->peers), free(job->silent);
    free(job);
}

static Rendezvous *new_rendezvous(const Launch *launch) {
    const char *seconds = getenv("DYNAMO_SILENCE");
    int patience = seconds ? atoi(seconds) : SILENCE_SECONDS;
    Rendezvous *job = calloc(1, sizeof *job);
    REQUIRE(job, "out of memory");
    *job = (Rendezvous){.launch = *launch, .count = launch->rank == 0 ? launch->size : 1};
    job->patience = (patience < 1 || patience > 1000000 ? SILENCE_SECONDS : patience) * BEATS_A_SECOND;
    job->peers = malloc((size_t)job->count * sizeof *job->peers);
    job->silent = calloc((size_t)job->count, sizeof *job->silent);
    REQUIRE(job->peers && job->silent, "out of memory");
    for (int i = 0; i < job->count; i++) job->peers[i] = -1;
    return job;
}

Rendezvous *rendezvous_open(const Launch *launch, const Broadcast *by, void *message, size_t bytes, double seconds,
                            Error *err) {
    Rendezvous *job = new_rendezvous(launch);
    double end = seconds_now() + seconds;
    bool connected = launch->rank == 0 ? connect_as_rank_0(job, by, message, bytes, end, err)
                                       : connect_to_rank_0(job, by, message, bytes, end, err);
    bool piped = connected && pipe2(job->wake, O_CLOEXEC) == 0;
    if (piped && pthread_create(&job->thread, NULL, watch, job) == 0) return job;
    if (connected) fail(err, "cannot start the thread that watches the other ranks: %s", strerror(errno));
    release(job);
    return NULL;
}

static void await_goodbye(const Rendezvous *job, int i) { // or the end of the connection, or ANSWER_SECONDS
    News news = {.kind = BEAT};
    while (job->peers[i] >= 0 && news.kind == BEAT && all_bytes(job->peers[i], &news, sizeof news, false)) continue;
}

// Rank 0 hears everybody's goodbye and then says its own, for which the others wait. Without that, a launcher that ends
// a job when its first process has ended would make deaths of the last goodbyes.
void rendezvous_close(Rendezvous *job) {
    if (!job) return;
    ssize_t woken = write(job->wake[1], "", 1);
    REQUIRE(woken == 1, "the thread that watches the other ranks does not answer");
    pthread_join(job->thread, NULL);
    if (job->launch.rank != 0) tell(job, (News){GOODBYE, job->launch.rank});
    for (int i = 0; i < job->count; i++) await_goodbye(job, i);
    if (job->launch.rank == 0) tell(job, (News){GOODBYE, 0});
    close(job->wake[0]), close(job->wake[1]);
    release(job);
}
