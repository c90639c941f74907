/* Stands between a server and its disk, by LD_PRELOAD: counts what is written and synced to a SQLite database and to
 * its log, and fails it when it is told to. The counters and the order to fail are words of the file that DISK_SHIM
 * names, mapped by the server and read and written by the test. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum order { PASS = 0, FULL = 1, READ_ONLY = 2, SYNCS_FAIL = 3 };

/* The words of the file; tests/disk.rs knows them by the same order. */
enum word {
    ORDER,         /* what to do, an enum order */
    SYNC_MICROS,   /* how long a sync of the log takes, beyond what it takes */
    LOG_SYNCS,     /* syncs of the log that succeeded */
    DATABASE_SYNCS, /* and of the database itself */
    LOG_WRITES,    /* writes to the log that succeeded */
    TRANSACTIONS,  /* commit records written to the log */
    DURABLE,       /* how many of them a sync has followed */
    FAILED,        /* calls that were failed by order */
    WORDS
};

static _Atomic uint64_t *words;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("DISK_SHIM");
    if (!name) return;
    int (*real_open)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    int fd = real_open(name, O_RDWR);
    if (fd < 0) abort();
    void *at = mmap(NULL, WORDS * sizeof *words, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED) abort();
    close(fd);
    words = at;
}

enum file { OTHER, DATABASE, LOG, LOGS_INDEX };

static enum file kind_of_name(const char *name) {
    size_t length = strlen(name);
    if (length >= 7 && strcmp(name + length - 7, ".db-wal") == 0) return LOG;
    if (length >= 7 && strcmp(name + length - 7, ".db-shm") == 0) return LOGS_INDEX;
    if (length >= 3 && strcmp(name + length - 3, ".db") == 0) return DATABASE;
    return OTHER;
}

static enum file kind_of(int fd) {
    char link[64], name[4096];
    if (!words) return OTHER;
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    errno = saved;
    if (length <= 0) return OTHER;
    name[length] = 0;
    return kind_of_name(name);
}

static int fails(int why) {
    atomic_fetch_add(&words[FAILED], 1);
    errno = why;
    return -1;
}

/* The errno with which a write fails now, or 0. */
static int write_trouble(enum file kind) {
    if (kind == OTHER) return 0;
    switch (atomic_load(&words[ORDER])) {
        case FULL: return ENOSPC;
        case READ_ONLY: return EROFS;
        default: return 0;
    }
}

/* A frame of the log begins with 24 bytes whose second four are not zero in the last frame of a transaction. */
static void note_log_write(const unsigned char *bytes, size_t count, off_t at) {
    atomic_fetch_add(&words[LOG_WRITES], 1);
    if (count == 24 && at >= 32 && (at - 32) % (24 + 4096) == 0 && (bytes[4] | bytes[5] | bytes[6] | bytes[7]))
        atomic_fetch_add(&words[TRANSACTIONS], 1);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    static ssize_t (*real)(int, const void *, size_t, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "pwrite64");
    enum file kind = kind_of(fd);
    int trouble = write_trouble(kind);
    if (trouble == ENOSPC && count > 1) {
        /* A disk fills up in the middle of a write: half of it lands, the next call is refused. */
        atomic_fetch_add(&words[FAILED], 1);
        return real(fd, bytes, count / 2, at);
    }
    if (trouble) return fails(trouble);
    ssize_t written = real(fd, bytes, count, at);
    if (kind == LOG && written == (ssize_t)count) note_log_write(bytes, count, at);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t write(int fd, const void *bytes, size_t count) {
    static ssize_t (*real)(int, const void *, size_t);
    if (!real) real = dlsym(RTLD_NEXT, "write");
    if (words) {
        int trouble = write_trouble(kind_of(fd));
        if (trouble) return fails(trouble);
    }
    return real(fd, bytes, count);
}

int ftruncate64(int fd, off64_t length) {
    static int (*real)(int, off64_t);
    if (!real) real = dlsym(RTLD_NEXT, "ftruncate64");
    int trouble = write_trouble(kind_of(fd));
    return trouble ? fails(trouble) : real(fd, length);
}

int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int sync_with(const char *name, int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    enum file kind = kind_of(fd);
    if (kind == OTHER) return real(fd);
    if (atomic_load(&words[ORDER]) == SYNCS_FAIL) return fails(EIO);
    uint64_t written = atomic_load(&words[TRANSACTIONS]);
    if (kind == LOG) usleep((useconds_t)atomic_load(&words[SYNC_MICROS]));
    int done = real(fd);
    if (done == 0) {
        atomic_fetch_add(&words[kind == LOG ? LOG_SYNCS : DATABASE_SYNCS], 1);
        if (kind == LOG) atomic_store(&words[DURABLE], written);
    }
    return done;
}

int fsync(int fd) { return sync_with("fsync", fd); }

int fdatasync(int fd) { return sync_with("fdatasync", fd); }

/* A read-only file system also refuses to open for writing. */
static int open_with(const char *symbol, const char *name, int flags, mode_t mode) {
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, symbol);
    if (words && (flags & O_ACCMODE) != O_RDONLY && write_trouble(kind_of_name(name)) == EROFS) return fails(EROFS);
    return real(name, flags, mode);
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? (mode_t)va_arg(rest, unsigned) : 0;
}

int open(const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_with("open", name, flags, mode);
}

int open64(const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = mode_of(flags, rest);
    va_end(rest);
    return open_with("open64", name, flags, mode);
}
