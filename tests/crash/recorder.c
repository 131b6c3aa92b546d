/* What a process does to the files of one folder, in the order it does it: loaded with LD_PRELOAD.
 *
 * MVX_RECORD_FOLDER: the folder. MVX_RECORD_TO: the file that each call is appended to, as a line "OP OFFSET
 * LENGTH NAME" and then LENGTH bytes. o: a file was opened, w: written, t: cut to OFFSET bytes, u: removed,
 * s: synced. The folder itself is named ".". A change is noted before it is made and a sync after it, so that
 * nothing is taken for durable too early. Files that are never synced (-shm, .lock) are left out.
 *
 * MVX_FAIL: "ERRNO AFTER": so many writes and syncs go well, and then this disk is full (ENOSPC: a file may
 * not grow, and the first write that it can not take is torn), read-only (EROFS) or broken (EIO). The venues'
 * own files (.paper) lie elsewhere.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES 4096
static char *names[FILES];
static int record = -1;
static const char *folder;

#define REAL(call) ((__typeof__(&call))dlsym(RTLD_NEXT, #call))
#define IS_KNOWN(fd) ((fd) >= 0 && (fd) < FILES && names[fd] != NULL)

static int ends_with(const char *text, const char *end) {
    size_t have = strlen(text), want = strlen(end);
    return have >= want && strcmp(text + have - want, end) == 0;
}

/* The name of a file of the folder, or NULL for any other. */
static const char *name_of(const char *path) {
    if (record < 0 && (folder = getenv("MVX_RECORD_FOLDER")) != NULL) {
        record = REAL(open)(getenv("MVX_RECORD_TO"), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (record < 0) abort();
    }
    size_t length = folder == NULL ? 0 : strlen(folder);
    if (length == 0 || strncmp(path, folder, length) != 0) return NULL;
    if (path[length] == '\0') return ".";
    if (path[length] != '/' || ends_with(path, "-shm") || ends_with(path, ".lock")) return NULL;
    return path + length + 1;
}

static void note(char op, const char *name, off_t offset, const void *data, size_t length) {
    char head[512];
    int size = snprintf(head, sizeof head, "%c %lld %zu %s\n", op, (long long)offset, length, name);
    struct iovec parts[] = {{head, (size_t)size}, {(void *)data, length}};
    if (writev(record, parts, 2) != (ssize_t)(size + length)) abort();
}

/* The error that this disk gives now, or 0; `counts`: it is one more call on it. */
static int error_of(const char *name, int counts) {
    static int error;
    static long left = -1;
    if (left < 0 && sscanf(getenv("MVX_FAIL") == NULL ? "0 0" : getenv("MVX_FAIL"), "%d %ld", &error, &left) != 2)
        abort();
    if (error == 0 || strstr(name, ".paper") != NULL) return 0;
    if (left > 0 && counts) left--;
    return left > 0 ? 0 : error;
}

static int failed(int error) {
    errno = error;
    return -1;
}

/* How much of a write at the offset this disk takes: all, a part, or none (-1). */
static ssize_t taken(int fd, off_t offset, size_t length) {
    static int torn;
    struct stat status;
    int error = error_of(names[fd], 1);
    if (error == ENOSPC && fstat(fd, &status) == 0 && offset + (off_t)length <= status.st_size) error = 0;
    if (error == ENOSPC && !torn && length > 1) return torn = 1, (ssize_t)length / 2;
    return error ? failed(error) : (ssize_t)length;
}

static int may_open(const char *path, int flags) {
    const char *name = name_of(path);
    int error = name == NULL ? 0 : error_of(name, 0);
    int writes = (flags & O_ACCMODE) != O_RDONLY, makes = (flags & O_CREAT) && access(path, F_OK) != 0;
    return (error == EROFS && writes) || (error == ENOSPC && makes) ? failed(error) : 0;
}

static int opened(int fd, const char *path) {
    const char *name = name_of(path);
    if (fd < 0 || name == NULL) return fd;
    if (fd >= FILES) abort();
    free(names[fd]);
    names[fd] = strdup(name);
    note('o', name, 0, NULL, 0);
    return fd;
}

#define OPEN(call)                                  \
    int call(const char *path, int flags, ...) {    \
        va_list rest;                               \
        va_start(rest, flags);                      \
        int mode = va_arg(rest, int);               \
        va_end(rest);                               \
        return may_open(path, flags) ? -1 : opened(REAL(call)(path, flags, mode), path); \
    }
OPEN(open)
OPEN(open64)

int close(int fd) {
    if (IS_KNOWN(fd)) {
        free(names[fd]);
        names[fd] = NULL;
    }
    return REAL(close)(fd);
}

ssize_t write(int fd, const void *data, size_t length) {
    if (IS_KNOWN(fd)) {
        off_t offset = lseek(fd, 0, SEEK_CUR);
        ssize_t part = taken(fd, offset, length);
        if (part < 0) return -1;
        note('w', names[fd], offset, data, length = (size_t)part);
    }
    return REAL(write)(fd, data, length);
}

#define PWRITE(call)                                                              \
    ssize_t call(int fd, const void *data, size_t length, off_t offset) {         \
        if (IS_KNOWN(fd)) {                                                       \
            ssize_t part = taken(fd, offset, length);                             \
            if (part < 0) return -1;                                              \
            note('w', names[fd], offset, data, length = (size_t)part);            \
        }                                                                         \
        return REAL(call)(fd, data, length, offset);                              \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define FTRUNCATE(call)                                               \
    int call(int fd, off_t size) {                                    \
        int error = IS_KNOWN(fd) ? error_of(names[fd], 0) : 0;        \
        if (error == EROFS || error == EIO) return failed(error);     \
        if (IS_KNOWN(fd)) note('t', names[fd], size, NULL, 0);        \
        return REAL(call)(fd, size);                                  \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define SYNC(call)                                                          \
    int call(int fd) {                                                      \
        if (IS_KNOWN(fd) && error_of(names[fd], 1) == EIO) return failed(EIO); \
        int result = REAL(call)(fd);                                        \
        if (!result && IS_KNOWN(fd)) note('s', names[fd], 0, NULL, 0);      \
        return result;                                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    const char *name = name_of(path);
    if (name != NULL && error_of(name, 0) == EROFS) return failed(EROFS);
    if (name != NULL) note('u', name, 0, NULL, 0);
    return REAL(unlink)(path);
}
