// Optional (files): read whole and replaced whole. A file is replaced under a temporary name (path.tmp), flushed to
// disk, renamed, and its folder flushed: a reader, or a crash, finds the old file or the new one and never half of one.
// Only a regular file is replaced, or one that a symbolic link leads to; a folder, device, FIFO or a link to nothing is
// an error.
#ifndef BASE_FILES_H
#define BASE_FILES_H
#include "base/check.h"
#include <stddef.h>
#include <stdint.h>

enum { FILE_PATH_SIZE = 4352 }; // longest path that is taken, with its zero

// Opens a regular file to read; errno tells why not. A device, or a FIFO that nobody writes to, does not block.
FILE *file_open(const char *path, Error *err);

// Maps a regular file of at least `least` bytes, read only; *n is its size. NULL with the reason in err. Ends with
// munmap. Where the file becomes shorter meanwhile, reading it ends the process (base/process.h).
void *file_map(const char *path, size_t least, size_t *n, Error *err);

// Reads a regular file of at most `limit` bytes and appends a zero byte. *n excludes it. A short read is an error. NULL
// with the reason in err. Free with free.
char *file_read(const char *path, size_t limit, size_t *n, Error *err);

// Continues a hash with n bytes, or *hash with those of a regular file; *n is their number. A change within 8 aligned
// bytes always changes the hash, other accidents go unnoticed about once in 2^64. It is no protection against forgery.
uint64_t bytes_hash(const void *bytes, size_t n, uint64_t hash);
bool file_hash(const char *path, uint64_t *hash, size_t *n, Error *err);

// Locks an open file until it is closed. Waits up to 2 s, in which a process that was killed ends. False where another
// process holds the lock (errno is EWOULDBLOCK) and where the file system has no locks.
bool file_lock(int fd);

bool path_same(const char *a, const char *b); // one file or folder (device and inode), or one name for a new one
bool path_inside(const char *path, const char *folder); // or the folder itself; a path may also be of a new file

bool file_replace(const char *path, const void *bytes, size_t n, Error *err);
bool file_replace_check(const char *path, Error *err); // whether a replacement can begin; changes nothing

// The same for content that is produced piece by piece: write to `file` between begin and commit. After a failed begin
// or commit, and after abandon, the old file is as it was and the temporary one is gone.
typedef struct FileReplacement {
    FILE *file;
    char path[FILE_PATH_SIZE], temporary[FILE_PATH_SIZE + 4];
} FileReplacement;
bool file_replace_begin(FileReplacement *r, const char *path, Error *err);
bool file_replace_commit(FileReplacement *r, Error *err);
void file_replace_abandon(FileReplacement *r);

bool folder_make(const char *path, Error *err); // and its parents; one that exists is fine

// Flushes a folder's entries, after which a rename in it survives a power failure.
bool folder_sync(const char *path, Error *err);

#endif
