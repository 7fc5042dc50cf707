/* refusals: what must fail, and with which errno, from threads on every node; errno is the
 * thread's.
 *
 * `refusals FILE`. One line for each check that fails, then their number, which is the exit
 * code. */
/* lisse-cc: -pthread */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define PAGE    4096u

static const char *file_name;
static unsigned failed;

#define CHECK(condition)     check((condition) != 0, #condition, __LINE__)
#define FAILS(call, code)    CHECK((errno = 0, (call) == -1) && errno == (code))
#define RETURNS(call, code)  CHECK((call) == (code))

static void check(int good, const char *what, int line)
{
    if (!good) {
        printf("line %d: %s (errno %d)\n", line, what, errno);
        (void)__atomic_add_fetch(&failed, 1, __ATOMIC_SEQ_CST);
    }
}

static void *volatile bad_address = (void *)0xFFFFF000u;
static void *volatile null_page = (void *)16;

static void files(void)
{
    char byte, name[5000];
    int fd = open(file_name, O_RDONLY | O_CLOEXEC);
    struct stat status;
    struct iovec in[2] = { { &byte, 1 }, { bad_address, 1 } };

    CHECK(fd >= 3);
    FAILS(read(fd, bad_address, 1), EFAULT);
    FAILS(read(fd, null_page, 1), EFAULT);
    CHECK(lseek(fd, 0, SEEK_CUR) == 0);
    FAILS(read(-1, &byte, 1), EBADF);
    FAILS(read(1000, &byte, 1), EBADF);
    FAILS(write(fd, "x", 1), EBADF);
    CHECK(read(fd, &byte, 0) == 0);
    CHECK(readv(fd, in, 1) == 1);
    FAILS(readv(fd, in, -1), EINVAL);
    FAILS(lseek(fd, -5, SEEK_SET), EINVAL);
    FAILS(lseek(fd, 0, 99), EINVAL);
    CHECK(lseek(fd, 1 << 30, SEEK_SET) == 1 << 30 && read(fd, &byte, 1) == 0);
    FAILS(pread(fd, &byte, 1, -1), EINVAL);
    FAILS(fcntl(-1, F_GETFD), EBADF);
    FAILS(dup(-1), EBADF);
    FAILS(dup2(fd, -1), EBADF);
    FAILS(fstat(-1, &status), EBADF);
    FAILS(stat("no/such/file", &status), ENOENT);
    FAILS(stat("", &status), ENOENT);
    FAILS(open("", O_RDONLY), ENOENT);
    FAILS(open(bad_address, O_RDONLY), EFAULT);
    FAILS(access("no-such-file", F_OK), ENOENT);
    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = 0;
    FAILS(open(name, O_RDONLY), ENAMETOOLONG);
    CHECK(close(fd) == 0);
    FAILS(close(-1), EBADF);
    FAILS(close(1000), EBADF);
}

static void memory(void)
{
    unsigned char *map = mmap(NULL, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open(file_name, O_RDONLY);

    CHECK(map != MAP_FAILED);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
          errno == EINVAL);
    CHECK(mmap(map + 1, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
              MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, PAGE, PROT_READ, MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(mmap(NULL, 0xFFFF0000u, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED &&
          errno == ENOMEM);
    FAILS(read(fd, map, 16), EFAULT); /* it may only be read */
    CHECK(mprotect(map + PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
    CHECK(read(fd, map + PAGE, 16) == 16);
    CHECK(mprotect(map, 2 * PAGE, PROT_NONE) == 0);
    FAILS(write(STDOUT_FILENO, map, 1), EFAULT);
    FAILS(munmap(map + 1, PAGE), EINVAL);
    FAILS(munmap(map, 0), EINVAL);
    FAILS(madvise(map + 1, PAGE, MADV_DONTNEED), EINVAL);
    CHECK(munmap(map, 4 * PAGE) == 0 && close(fd) == 0);
    FAILS(mprotect((void *)0x2000, PAGE, PROT_READ), ENOMEM);
}

static void locks(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    pthread_attr_t thread_attributes;
    sem_t semaphore;
    int value = -1;

    CHECK(pthread_mutexattr_init(&attributes) == 0);
    RETURNS(pthread_mutexattr_settype(&attributes, 77), EINVAL);
    CHECK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) == 0);
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
    RETURNS(pthread_mutex_unlock(&mutex), EPERM);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    RETURNS(pthread_mutex_lock(&mutex), EDEADLK);
    RETURNS(pthread_mutex_trylock(&mutex), EBUSY);
    CHECK(pthread_mutex_unlock(&mutex) == 0 && pthread_mutex_destroy(&mutex) == 0);
    FAILS(sem_init(&semaphore, 0, (unsigned)SEM_VALUE_MAX + 1u), EINVAL);
    CHECK(sem_init(&semaphore, 0, SEM_VALUE_MAX) == 0);
    FAILS(sem_post(&semaphore), EOVERFLOW);
    CHECK(sem_getvalue(&semaphore, &value) == 0 && value == SEM_VALUE_MAX);
    CHECK(pthread_attr_init(&thread_attributes) == 0);
    RETURNS(pthread_attr_setstacksize(&thread_attributes, 100), EINVAL);
    RETURNS(pthread_kill(pthread_self(), 0), 0);
    RETURNS(pthread_kill(pthread_self(), 1000), EINVAL);
}

static void others(void)
{
    struct timespec t;
    struct rlimit limit;
    char small[1];

    FAILS(clock_gettime(77, &t), EINVAL);
    FAILS(getcwd(small, 1) == NULL ? -1 : 0, ERANGE);
    CHECK(getrlimit(RLIMIT_STACK, &limit) == 0 && limit.rlim_cur >= 1 << 20);
    FAILS(getrlimit(77, &limit), EINVAL);
    FAILS(kill(getpid(), 100), EINVAL);
    CHECK(kill(getpid(), 0) == 0);
    FAILS(waitpid(-1, NULL, 0), ECHILD);
    FAILS(readlink("no-such-file", small, 1), ENOENT);
}

static void *body(void *arg)
{
    errno = 1000 + (int)(intptr_t)arg;
    CHECK(errno == 1000 + (int)(intptr_t)arg);
    files();
    memory();
    locks();
    others();
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];

    file_name = argc > 1 ? argv[1] : "";
    errno = EXDEV;
    for (intptr_t i = 0; i < THREADS; i++) {
        RETURNS(pthread_create(&thread[i], NULL, body, (void *)i), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        RETURNS(pthread_join(thread[i], NULL), 0);
    }
    CHECK(errno == EXDEV);
    printf("%u failed\n", failed);
    return (int)failed;
}
