// Optional (files).
#include "base/files.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *open_regular(const char *path, struct stat *info, Error *err) {
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); // O_NONBLOCK: a FIFO does not block
    if (fd < 0) return fail(err, "%s: %s", path, strerror(errno)), NULL;
    FILE *file = fstat(fd, info) == 0 && S_ISREG(info->st_mode) ? fdopen(fd, "rb") : NULL;
    if (file) return file;
    close(fd);
    errno = EINVAL;
    return fail(err, "%s: not a regular file", path), NULL;
}

FILE *file_open(const char *path, Error *err) { return open_regular(path, &(struct stat){0}, err); }

void *file_map(const char *path, size_t least, size_t *n, Error *err) {
    struct stat info;
    FILE *file = open_regular(path, &info, err);
    if (!file) return NULL;
    void *map = MAP_FAILED;
    *n = (size_t)info.st_size;
    if (*n < least) fail(err, "%s: too few bytes (%zu)", path, *n);
    else if ((map = mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fileno(file), 0)) == MAP_FAILED)
        fail(err, "%s: cannot be mapped: %s", path, strerror(errno));
    fclose(file);
    return map == MAP_FAILED ? NULL : map;
}

char *file_read(const char *path, size_t limit, size_t *n, Error *err) {
    struct stat info;
    FILE *file = open_regular(path, &info, err);
    char *bytes = NULL;
    if (!file) return NULL;
    if ((size_t)info.st_size > limit)
        fail(err, "%s: %lld bytes; at most %zu are read", path, (long long)info.st_size, limit);
    else if (!(bytes = malloc((size_t)info.st_size + 1))) fail(err, "%s: out of memory", path);
    if (bytes) {
        *n = (size_t)info.st_size;
        errno = 0;
        if (fread(bytes, 1, *n, file) != *n) {
            fail(err, "%s: reading failed: %s", path, errno ? strerror(errno) : "the file became shorter meanwhile");
            free(bytes);
            bytes = NULL;
        } else {
            bytes[*n] = 0;
        }
    }
    fclose(file);
    return bytes;
}

uint64_t bytes_hash(const void *bytes, size_t n, uint64_t hash) {
    for (size_t at = 0; at < n; at += 8) {
        uint64_t word = 0;
        memcpy(&word, (const char *)bytes + at, n - at < 8 ? n - at : 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

bool file_hash(const char *path, uint64_t *hash, size_t *n, Error *err) {
    enum { BLOCK = 1 << 19 };
    struct stat info;
    FILE *file = open_regular(path, &info, err);
    if (!file) return false;
    char *block = malloc(BLOCK);
    REQUIRE(block, "out of memory");
    *n = 0;
    for (size_t got; (got = fread(block, 1, BLOCK, file)) > 0; *n += got) *hash = bytes_hash(block, got, *hash);
    *hash = bytes_hash(n, sizeof *n, *hash);
    bool ok = !ferror(file) && *n == (size_t)info.st_size;
    if (!ok) fail(err, "%s: reading failed: %s", path, ferror(file) ? strerror(errno) : "its size changed meanwhile");
    fclose(file);
    free(block);
    return ok;
}

bool file_lock(int fd) {
    for (int tries = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; tries++) {
        if (errno != EWOULDBLOCK || tries == 40) return false;
        usleep(50000);
    }
    return true;
}

// The path of the folder that an entry is in, malloc'd. *name: the entry's name in it.
static char *parent_of(const char *path, const char **name) {
    const char *slash = strrchr(path, '/');
    *name = slash ? slash + 1 : path;
    return slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
}

bool path_same(const char *a, const char *b) {
    struct stat x, y;
    if (stat(a, &x) == 0 && stat(b, &y) == 0) return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    const char *name_a, *name_b;
    char *in_a = parent_of(a, &name_a), *in_b = parent_of(b, &name_b);
    REQUIRE(in_a && in_b, "out of memory");
    bool same = strcmp(name_a, name_b) == 0 && stat(in_a, &x) == 0 && stat(in_b, &y) == 0 && x.st_dev == y.st_dev &&
                x.st_ino == y.st_ino;
    free(in_a), free(in_b);
    return same;
}

bool path_inside(const char *path, const char *folder) {
    const char *name;
    char *at = realpath(path, NULL), *parent = at ? NULL : parent_of(path, &name);
    bool inside = false;
    if (parent) at = realpath(parent, NULL);
    for (char *slash = at; slash && !(inside = path_same(at, folder));) { // at, and every folder above it
        slash = at[1] ? strrchr(at, '/') : NULL;
        if (slash) slash[slash == at] = 0;
    }
    free(at), free(parent);
    return inside;
}

bool folder_make(const char *path, Error *err) {
    char part[FILE_PATH_SIZE];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part + (*part != 0); *slash; slash++) { // every parent, then the folder itself
        if (*slash != '/') continue;
        *slash = 0;
        mkdir(part, 0777);
        *slash = '/';
    }
    return mkdir(part, 0777) == 0 || errno == EEXIST || fail(err, "%s: %s", path, strerror(errno));
}

bool folder_sync(const char *path, Error *err) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL); // EINVAL: a file system whose folders cannot be flushed
    if (!ok) fail(err, "%s: the folder cannot be flushed to disk: %s", path, strerror(errno));
    if (fd >= 0) close(fd);
    return ok;
}

// Where a replacement goes: the path, or what a link there leads to.
static bool destination(const char *path, char to[FILE_PATH_SIZE], Error *err) {
    struct stat info;
    if (strlen(path) >= FILE_PATH_SIZE) return fail(err, "%.200s...: the path is too long", path);
    strcpy(to, path);
    if (lstat(path, &info) != 0) return true; // nothing to replace, or opening fails with the reason
    if (S_ISLNK(info.st_mode)) {
        char *target = realpath(path, NULL);
        bool ok = target && strlen(target) < FILE_PATH_SIZE && stat(target, &info) == 0;
        if (ok) strcpy(to, target);
        free(target);
        if (!ok) return fail(err, "%s: a link that leads to no file: remove it or choose another path", path);
    }
    return S_ISREG(info.st_mode) || fail(err, "%s: not a regular file, so it is not replaced", path);
}

bool file_replace_begin(FileReplacement *r, const char *path, Error *err) {
    struct stat info;
    r->file = NULL;
    if (!destination(path, r->path, err)) return false;
    snprintf(r->temporary, sizeof r->temporary, "%s.tmp", r->path);
    if (lstat(r->temporary, &info) == 0 && S_ISREG(info.st_mode)) unlink(r->temporary); // of a killed process
    int fd = open(r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) r->file = fdopen(fd, "wb");
    return r->file || fail(err, "%s: %s", r->temporary, strerror(errno));
}

void file_replace_abandon(FileReplacement *r) {
    if (r->file) fclose(r->file);
    r->file = NULL;
    unlink(r->temporary);
}

bool file_replace_commit(FileReplacement *r, Error *err) {
    bool ok = !ferror(r->file) && fflush(r->file) == 0 && fsync(fileno(r->file)) == 0;
    ok = fclose(r->file) == 0 && ok;
    r->file = NULL;
    if (!ok || rename(r->temporary, r->path) != 0) {
        fail(err, "%s: %s", r->path, strerror(errno));
        file_replace_abandon(r);
        return false;
    }
    char *slash = strrchr(r->path, '/');
    if (slash) slash[slash == r->path] = 0; // the folder's path from here on
    return folder_sync(slash ? r->path : ".", err);
}

bool file_replace_check(const char *path, Error *err) {
    FileReplacement r;
    if (!file_replace_begin(&r, path, err)) return false;
    file_replace_abandon(&r);
    return true;
}

bool file_replace(const char *path, const void *bytes, size_t n, Error *err) {
    FileReplacement r;
    if (!file_replace_begin(&r, path, err)) return false;
    if (n == 0 || fwrite(bytes, 1, n, r.file) == n) return file_replace_commit(&r, err);
    fail(err, "%s: %s", path, strerror(errno));
    file_replace_abandon(&r);
    return false;
}
