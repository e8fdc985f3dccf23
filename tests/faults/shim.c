/* Preloaded into a writer: counts the calls that change what a disk holds, and lets one of them go wrong.
 *
 * Until arm() is called everything is passed on. Then each write-side call on a file below `prefix` (or, where
 * `sockets` is set, each send on any socket) is a point; points are numbered from 1, and at number `at` the fault
 * happens. With a log, each point is recorded with its bytes after it happened and before its caller knows:
 *
 *     name TAB inode TAB offset TAB length TAB result TAB path TAB second path NEWLINE, then `length` bytes
 *
 * mark() records a line of the caller's own. Records go out in one write each, so that several processes can share one
 * log, and what one of them caused in the other stands behind it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The same numbers stand in worker.py. */
enum fault { NONE, KILL, TORN, FAIL, KILL_ANSWERED, CUT, CUT_ANSWERED, STOP, STOP_SENT, STOP_ANSWERED };

static char prefix[4096];
static int armed, sockets, fault, failure, journal = -1;
static long at, count;

void arm(const char *below, int on_sockets, int which, int error, long number, int log) {
    snprintf(prefix, sizeof prefix, "%s", below);
    sockets = on_sockets, fault = which, failure = error, at = number, journal = log, count = 0, armed = 1;
}

long points(void) { return count; }

static void record(const char *name, long inode, long offset, size_t length, long result, const char *path,
                   const char *second, const void *data) {
    char head[3 * 4096];
    int saved = errno;
    if (journal < 0) return;
    int size = snprintf(head, sizeof head, "%s\t%ld\t%ld\t%zu\t%ld\t%s\t%s\n", name, inode, offset, length, result,
                        path, second);
    struct iovec parts[] = {{head, (size_t)size}, {(void *)data, length}};
    syscall(SYS_writev, journal, parts, 2);
    errno = saved;
}

void mark(const char *text) { record("mark", 0, 0, 0, 0, text, "", NULL); }

static void die(void) { syscall(SYS_kill, getpid(), SIGKILL); for (;;) pause(); }

static int below(const char *path) {
    size_t size = strlen(prefix);
    return armed && size && strncmp(path, prefix, size) == 0 && (path[size] == '/' || path[size] == 0);
}

static int named(int descriptor, char path[4096]) {
    char link[64];
    if (!armed || !*prefix) return 0;
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, 4095);
    path[length > 0 ? length : 0] = 0;
    errno = saved;
    return below(path);
}

static long inode_of(int descriptor) {
    struct stat found;
    return fstat(descriptor, &found) == 0 ? (long)found.st_ino : 0;
}

static long inode_at(const char *path) {
    struct stat found;
    return lstat(path, &found) == 0 ? (long)found.st_ino : 0;
}

/* Whether this call is the one; then it has died, or its errno is set and it must fail. TORN is left to the caller. */
static int hit(void) {
    if (++count != at) return 0;
    if (fault == KILL) die();
    if (fault == FAIL) errno = failure;
    return fault == FAIL || fault == TORN;
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Calls that act on a descriptor and have no bytes to tear. */
#define ON_DESCRIPTOR(name, label, call, offset) \
    char path[4096]; \
    if (!named(descriptor, path)) return call; \
    int wrong = hit(); \
    if (wrong && fault == FAIL) { record(label, inode_of(descriptor), offset, 0, -1, path, "", NULL); errno = failure; return -1; } \
    int result = call; \
    if (wrong) die(); \
    record(label, inode_of(descriptor), offset, 0, result, path, "", NULL); \
    return result

int fsync(int descriptor) { REAL(fsync); ON_DESCRIPTOR(fsync, "fsync", real(descriptor), 0L); }
int fdatasync(int descriptor) { REAL(fdatasync); ON_DESCRIPTOR(fdatasync, "fdatasync", real(descriptor), 0L); }
int ftruncate(int descriptor, off_t size) { REAL(ftruncate); ON_DESCRIPTOR(ftruncate, "ftruncate", real(descriptor, size), (long)size); }
int ftruncate64(int descriptor, off64_t size) { REAL(ftruncate64); ON_DESCRIPTOR(ftruncate64, "ftruncate", real(descriptor, size), (long)size); }
int posix_fallocate(int descriptor, off_t start, off_t size) {
    REAL(posix_fallocate); ON_DESCRIPTOR(posix_fallocate, "fallocate", real(descriptor, start, size), (long)(start + size));
}
int posix_fallocate64(int descriptor, off64_t start, off64_t size) {
    REAL(posix_fallocate64); ON_DESCRIPTOR(posix_fallocate64, "fallocate", real(descriptor, start, size), (long)(start + size));
}
int fallocate(int descriptor, int mode, off_t start, off_t size) {
    REAL(fallocate); ON_DESCRIPTOR(fallocate, "fallocate", real(descriptor, mode, start, size), (long)(start + size));
}
int fallocate64(int descriptor, int mode, off64_t start, off64_t size) {
    REAL(fallocate64); ON_DESCRIPTOR(fallocate64, "fallocate", real(descriptor, mode, start, size), (long)(start + size));
}

/* Writes: torn means that half of the bytes arrive, and then the process is gone. */
#define WRITING(label, call, half, place) \
    char path[4096]; \
    if (!named(descriptor, path)) return call; \
    long offset = place; \
    int wrong = hit(); \
    if (wrong && fault == FAIL) { record(label, inode_of(descriptor), offset, 0, -1, path, "", NULL); errno = failure; return -1; } \
    if (wrong) { half; die(); } \
    ssize_t result = call; \
    record(label, inode_of(descriptor), offset, result > 0 ? (size_t)result : 0, result, path, "", data); \
    return result

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(write); WRITING("write", real(descriptor, data, size), real(descriptor, data, size / 2), (long)lseek(descriptor, 0, SEEK_CUR));
}
ssize_t pwrite(int descriptor, const void *data, size_t size, off_t start) {
    REAL(pwrite); WRITING("pwrite64", real(descriptor, data, size, start), real(descriptor, data, size / 2, start), (long)start);
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t start) {
    REAL(pwrite64); WRITING("pwrite64", real(descriptor, data, size, start), real(descriptor, data, size / 2, start), (long)start);
}

/* Calls that act on names. */
#define ON_NAMES(label, path, second, call) \
    if (!below(path)) return call; \
    int wrong = hit(); \
    if (wrong && fault == FAIL) { record(label, 0, 0, 0, -1, path, second, NULL); errno = failure; return -1; } \
    int result = call; \
    if (wrong) die(); \
    record(label, 0, 0, 0, result, path, second, NULL); \
    return result

int rename(const char *from, const char *to) { REAL(rename); ON_NAMES("rename", from, to, real(from, to)); }
int unlink(const char *path) { REAL(unlink); ON_NAMES("unlink", path, "", real(path)); }
int rmdir(const char *path) { REAL(rmdir); ON_NAMES("rmdir", path, "", real(path)); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); ON_NAMES("mkdir", path, "", real(path, mode)); }

/* Opening counts where it may create; the record's offset is 1 where it did. */
#define OPENING(call) \
    if (!(flags & O_CREAT) || !below(path)) return call; \
    int there = inode_at(path) != 0, wrong = hit(); \
    if (wrong && fault == FAIL) { record("openat", 0, 0, 0, -1, path, "", NULL); errno = failure; return -1; } \
    int result = call; \
    if (wrong) die(); \
    record("openat", result < 0 ? 0 : inode_of(result), !there, 0, result, path, flags & O_TRUNC ? "truncated" : "", NULL); \
    return result

static mode_t mode_in(int flags, va_list more) { return flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0; }

int open(const char *path, int flags, ...) {
    REAL(open);
    va_list more; va_start(more, flags); mode_t mode = mode_in(flags, more); va_end(more);
    OPENING(real(path, flags, mode));
}
int open64(const char *path, int flags, ...) {
    REAL(open64);
    va_list more; va_start(more, flags); mode_t mode = mode_in(flags, more); va_end(more);
    OPENING(real(path, flags, mode));
}
int openat(int folder, const char *path, int flags, ...) {
    REAL(openat);
    va_list more; va_start(more, flags); mode_t mode = mode_in(flags, more); va_end(more);
    OPENING(real(folder, path, flags, mode));
}
int openat64(int folder, const char *path, int flags, ...) {
    REAL(openat64);
    va_list more; va_start(more, flags); mode_t mode = mode_in(flags, more); va_end(more);
    OPENING(real(folder, path, flags, mode));
}

/* What goes to a server: one send carries one or more statements. */
ssize_t send(int descriptor, const void *data, size_t size, int flags) {
    REAL(send);
    if (!armed || !sockets) return real(descriptor, data, size, flags);
    int here = ++count == at;
    if (here && fault == KILL) die();
    if (here && fault == STOP) raise(SIGSTOP);
    if (here && fault == CUT) shutdown(descriptor, SHUT_RDWR);
    ssize_t result = real(descriptor, data, size, flags);
    record("send", 0, 0, result > 0 ? (size_t)result : 0, result, "", "", data);
    if (here && fault == STOP_SENT) raise(SIGSTOP);
    if (here && (fault == KILL_ANSWERED || fault == CUT_ANSWERED || fault == STOP_ANSWERED)) {
        struct pollfd answer = {descriptor, POLLIN, 0};
        poll(&answer, 1, 10000);
        if (fault == KILL_ANSWERED) die();
        if (fault == CUT_ANSWERED) shutdown(descriptor, SHUT_RDWR);
        if (fault == STOP_ANSWERED) raise(SIGSTOP);
    }
    return result;
}
