/* What a process does to the files of one folder, in the order it does it: loaded with LD_PRELOAD.
 *
 * MVX_RECORD_FOLDER: the folder. MVX_RECORD_TO: the file that each call is appended to, as a line "OP OFFSET
 * LENGTH NAME" and then LENGTH bytes. o: a file was opened, w: written, t: cut to OFFSET bytes, u: removed,
 * s: synced. The folder itself is named ".". A change is noted before it is made and a sync after it, so that
 * nothing is taken for durable too early. Files that are never synced (-shm, .lock) are left out.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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
        return opened(REAL(call)(path, flags, mode), path); \
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
    if (IS_KNOWN(fd)) note('w', names[fd], lseek(fd, 0, SEEK_CUR), data, length);
    return REAL(write)(fd, data, length);
}

#define PWRITE(call)                                                              \
    ssize_t call(int fd, const void *data, size_t length, off_t offset) {         \
        if (IS_KNOWN(fd)) note('w', names[fd], offset, data, length);             \
        return REAL(call)(fd, data, length, offset);                              \
    }
PWRITE(pwrite)
PWRITE(pwrite64)

#define FTRUNCATE(call)                                               \
    int call(int fd, off_t size) {                                    \
        if (IS_KNOWN(fd)) note('t', names[fd], size, NULL, 0);        \
        return REAL(call)(fd, size);                                  \
    }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

#define SYNC(call)                                                          \
    int call(int fd) {                                                      \
        int failed = REAL(call)(fd);                                        \
        if (!failed && IS_KNOWN(fd)) note('s', names[fd], 0, NULL, 0);      \
        return failed;                                                      \
    }
SYNC(fsync)
SYNC(fdatasync)

int unlink(const char *path) {
    const char *name = name_of(path);
    if (name != NULL) note('u', name, 0, NULL, 0);
    return REAL(unlink)(path);
}
