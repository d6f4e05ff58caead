/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slowfs: shows a directory through FUSE, as slowly as asked.
 *
 * On a network file system it is not the page cache that costs time but the round trip of every
 * open, read and stat. slowfs puts such a round trip, of a known length, on any machine: so
 * benchmarks can measure whether waiting overlaps, and tests have a FUSE file system to run on.
 *
 *     slowfs SOURCE MOUNTPOINT [-f] [-o OPTION[,OPTION...]]
 *
 *     open_us=N        each open takes N microseconds longer (default 0)
 *     read_us=N        each read that arrives here takes N microseconds longer (default 0)
 *     getattr_us=N     each request for attributes takes N microseconds longer (default 0)
 *     no_keep_cache    opening a file empties its page cache, as FUSE does unless told otherwise
 *                      (default: keep_cache, opening leaves the pages alone)
 *     attr_timeout=S   seconds that the kernel may answer stat itself (default 0: every fstat
 *                      arrives here and takes getattr_us)
 *     entry_timeout=S  seconds that the kernel remembers a name (default one hour: an open is one
 *                      request, except that the first use of a name costs one getattr_us more)
 *     max_threads=N    requests served at once (default 128, so that latencies overlap)
 *
 * and every other option of libfuse. default_permissions makes the kernel ask for attributes at
 * each step of a path: leave it out when measuring getattr_us.
 *
 *     cc -O2 slowfs.c $(pkg-config --cflags --libs fuse3) -o slowfs
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    const char* source;
    unsigned open_us;
    unsigned read_us;
    unsigned getattr_us;
    int keep_cache;
} settings = {.keep_cache = 1};

static const struct fuse_opt options[] = {
    {"open_us=%u", offsetof(__typeof__(settings), open_us), 0},
    {"read_us=%u", offsetof(__typeof__(settings), read_us), 0},
    {"getattr_us=%u", offsetof(__typeof__(settings), getattr_us), 0},
    {"keep_cache", offsetof(__typeof__(settings), keep_cache), 1},
    {"no_keep_cache", offsetof(__typeof__(settings), keep_cache), 0},
    FUSE_OPT_END,
};

/* Every path is looked up from here: a daemon's working directory is /. */
static int source_fd;

static const char* relative(const char* path) { return path[1] ? path + 1 : "."; }

static int result(long value) { return value < 0 ? -errno : (int)value; }

static void wait_us(unsigned us) {
    struct timespec left = {us / 1000000, us % 1000000 * 1000L};
    while (us && nanosleep(&left, &left) && errno == EINTR) {
    }
}

static void* slow_init(struct fuse_conn_info* connection, struct fuse_config* config) {
    (void)connection;
    config->use_ino = 1;
    return NULL;
}

/* Attributes */

static int slow_getattr(const char* path, struct stat* attributes, struct fuse_file_info* file) {
    wait_us(settings.getattr_us);
    if (file) return result(fstat((int)file->fh, attributes));
    return result(fstatat(source_fd, relative(path), attributes, AT_SYMLINK_NOFOLLOW));
}

static int slow_chmod(const char* path, mode_t mode, struct fuse_file_info* file) {
    (void)file;
    return result(fchmodat(source_fd, relative(path), mode, 0));
}

static int slow_chown(const char* path, uid_t user, gid_t group, struct fuse_file_info* file) {
    (void)file;
    return result(fchownat(source_fd, relative(path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int slow_utimens(const char* path, const struct timespec times[2],
                        struct fuse_file_info* file) {
    (void)file;
    return result(utimensat(source_fd, relative(path), times, AT_SYMLINK_NOFOLLOW));
}

/* Directories and names */

static int slow_readdir(const char* path, void* buffer, fuse_fill_dir_t fill, off_t offset,
                        struct fuse_file_info* file, enum fuse_readdir_flags flags) {
    (void)offset, (void)file, (void)flags;
    int fd = openat(source_fd, relative(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    DIR* directory = fdopendir(fd);
    if (!directory) {
        int error = errno;
        close(fd);
        return -error;
    }
    for (struct dirent* entry; (entry = readdir(directory));) {
        struct stat attributes = {.st_ino = entry->d_ino, .st_mode = DTTOIF(entry->d_type)};
        if (fill(buffer, entry->d_name, &attributes, 0, 0)) break;
    }
    closedir(directory);
    return 0;
}

static int slow_mkdir(const char* path, mode_t mode) {
    return result(mkdirat(source_fd, relative(path), mode));
}

static int slow_rmdir(const char* path) {
    return result(unlinkat(source_fd, relative(path), AT_REMOVEDIR));
}

static int slow_mknod(const char* path, mode_t mode, dev_t device) {
    return result(mknodat(source_fd, relative(path), mode, device));
}

static int slow_unlink(const char* path) { return result(unlinkat(source_fd, relative(path), 0)); }

static int slow_rename(const char* from, const char* to, unsigned flags) {
    return result(renameat2(source_fd, relative(from), source_fd, relative(to), flags));
}

static int slow_link(const char* from, const char* to) {
    return result(linkat(source_fd, relative(from), source_fd, relative(to), 0));
}

static int slow_symlink(const char* target, const char* path) {
    return result(symlinkat(target, source_fd, relative(path)));
}

static int slow_readlink(const char* path, char* buffer, size_t size) {
    ssize_t length = readlinkat(source_fd, relative(path), buffer, size - 1);
    if (length < 0) return -errno;
    buffer[length] = '\0';
    return 0;
}

/* Contents */

static int opened(int fd, struct fuse_file_info* file) {
    if (fd < 0) return -errno;
    file->fh = (uint64_t)fd;
    file->keep_cache = settings.keep_cache != 0;
    return 0;
}

static int slow_open(const char* path, struct fuse_file_info* file) {
    wait_us(settings.open_us);
    return opened(openat(source_fd, relative(path), file->flags | O_CLOEXEC), file);
}

static int slow_create(const char* path, mode_t mode, struct fuse_file_info* file) {
    wait_us(settings.open_us);
    return opened(openat(source_fd, relative(path), file->flags | O_CREAT | O_CLOEXEC, mode), file);
}

static int slow_release(const char* path, struct fuse_file_info* file) {
    (void)path;
    close((int)file->fh);
    return 0;
}

static int slow_read(const char* path, char* data, size_t size, off_t offset,
                     struct fuse_file_info* file) {
    (void)path;
    wait_us(settings.read_us);
    return result(pread((int)file->fh, data, size, offset));
}

static int slow_write(const char* path, const char* data, size_t size, off_t offset,
                      struct fuse_file_info* file) {
    (void)path;
    return result(pwrite((int)file->fh, data, size, offset));
}

static int slow_truncate(const char* path, off_t size, struct fuse_file_info* file) {
    if (file) return result(ftruncate((int)file->fh, size));
    int fd = openat(source_fd, relative(path), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int status = result(ftruncate(fd, size));
    close(fd);
    return status;
}

static int slow_fsync(const char* path, int data_only, struct fuse_file_info* file) {
    (void)path;
    return result(data_only ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static const struct fuse_operations operations = {
    .init = slow_init,
    .getattr = slow_getattr,
    .chmod = slow_chmod,
    .chown = slow_chown,
    .utimens = slow_utimens,
    .readdir = slow_readdir,
    .mkdir = slow_mkdir,
    .rmdir = slow_rmdir,
    .mknod = slow_mknod,
    .unlink = slow_unlink,
    .rename = slow_rename,
    .link = slow_link,
    .symlink = slow_symlink,
    .readlink = slow_readlink,
    .open = slow_open,
    .create = slow_create,
    .release = slow_release,
    .read = slow_read,
    .write = slow_write,
    .truncate = slow_truncate,
    .fsync = slow_fsync,
};

/* The first word that is no option is the source; the rest is for libfuse. */
static int take_source(void* data, const char* argument, int key, struct fuse_args* rest) {
    (void)data, (void)rest;
    if (key != FUSE_OPT_KEY_NONOPT || settings.source) return 1;
    settings.source = argument;
    return 0;
}

int main(int argc, char* argv[]) {
    struct fuse_args arguments = FUSE_ARGS_INIT(argc, argv);
    if (fuse_opt_parse(&arguments, &settings, options, take_source)) return 2;
    if (!settings.source) {
        fprintf(stderr, "usage: %s SOURCE MOUNTPOINT [-f] [-o OPTION[,OPTION...]]\n", argv[0]);
        return 2;
    }
    source_fd = open(settings.source, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (source_fd < 0) {
        perror(settings.source);
        return 1;
    }
    umask(0);

    /* Defaults stand before what the caller asked for, and the last one wins. */
    fuse_opt_insert_arg(&arguments, 1, "-oattr_timeout=0,entry_timeout=3600");
    /* Before 3.12 libfuse had no such option, and no bound either. */
    if (fuse_version() >= FUSE_MAKE_VERSION(3, 12))
        fuse_opt_insert_arg(&arguments, 1, "-omax_threads=128");
    return fuse_main(arguments.argc, arguments.argv, &operations, NULL);
}
