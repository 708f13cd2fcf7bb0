// Optional (files).
#include "base/files.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_read(const char *path, size_t limit, size_t *n, Error *err) {
    FILE *file = fopen(path, "rb");
    struct stat info;
    char *bytes = NULL;
    if (!file) return fail(err, "%s: %s", path, strerror(errno)), NULL;
    if (fstat(fileno(file), &info) != 0 || !S_ISREG(info.st_mode)) fail(err, "%s: not a regular file", path);
    else if ((size_t)info.st_size > limit)
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

bool file_replace_begin(FileReplacement *r, const char *path, Error *err) {
    if (strlen(path) >= sizeof r->path) return fail(err, "%.200s...: the path is too long", path);
    strcpy(r->path, path);
    snprintf(r->temporary, sizeof r->temporary, "%s.tmp", path);
    r->file = fopen(r->temporary, "wb");
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

bool file_replace(const char *path, const void *bytes, size_t n, Error *err) {
    FileReplacement r;
    if (!file_replace_begin(&r, path, err)) return false;
    if (n == 0 || fwrite(bytes, 1, n, r.file) == n) return file_replace_commit(&r, err);
    fail(err, "%s: %s", path, strerror(errno));
    file_replace_abandon(&r);
    return false;
}
