/* base/system.h for Windows: Vista and newer. Paths are in the code page of the process, which a
 * program makes UTF-8 by its manifest. */
#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0600
#include "base/system.h"

#include "base/mem.h"

#include <windows.h>

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Sets errno from the error of the last call. */
static bool fail(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
        errno = ENOENT;
        break;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        errno = EACCES;
        break;
    case ERROR_ALREADY_EXISTS:
    case ERROR_FILE_EXISTS:
        errno = EEXIST;
        break;
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_OUTOFMEMORY:
        errno = ENOMEM;
        break;
    case ERROR_DISK_FULL:
        errno = ENOSPC;
        break;
    default:
        errno = EIO;
    }
    return false;
}

/* Time and machine */

double gr_seconds(void)
{
    LARGE_INTEGER ticks, per_second;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&per_second);
    return (double)ticks.QuadPart / (double)per_second.QuadPart;
}

/* FILETIME counts 100 ns from 1601 on. */
double gr_wall_seconds(void)
{
    FILETIME t;
    GetSystemTimeAsFileTime(&t);
    uint64_t ticks = (uint64_t)t.dwHighDateTime << 32 | t.dwLowDateTime;
    return (double)(int64_t)(ticks - 116444736000000000u) * 1e-7;
}

int gr_processor_count(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 0 ? (int)info.dwNumberOfProcessors : 1;
}

uint64_t gr_physical_memory(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof(status)};
    return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : 0;
}

/* Threads. base/system.h declares the structs of one pointer without this system's headers. */
_Static_assert(sizeof(SRWLOCK) == sizeof(void *), "a lock is one pointer");
_Static_assert(sizeof(CONDITION_VARIABLE) == sizeof(void *), "a condition is one pointer");

void gr_mutex_init(gr_mutex *mutex)
{
    InitializeSRWLock((SRWLOCK *)&mutex->lock);
}

void gr_mutex_lock(gr_mutex *mutex)
{
    AcquireSRWLockExclusive((SRWLOCK *)&mutex->lock);
}

void gr_mutex_unlock(gr_mutex *mutex)
{
    ReleaseSRWLockExclusive((SRWLOCK *)&mutex->lock);
}

void gr_condition_init(gr_condition *condition)
{
    InitializeConditionVariable((CONDITION_VARIABLE *)&condition->variable);
}

void gr_condition_wait(gr_condition *condition, gr_mutex *mutex)
{
    SleepConditionVariableSRW((CONDITION_VARIABLE *)&condition->variable, (SRWLOCK *)&mutex->lock,
                              INFINITE, 0);
}

void gr_condition_signal(gr_condition *condition)
{
    WakeConditionVariable((CONDITION_VARIABLE *)&condition->variable);
}

void gr_condition_broadcast(gr_condition *condition)
{
    WakeAllConditionVariable((CONDITION_VARIABLE *)&condition->variable);
}

typedef struct start {
    void (*run)(void *argument);
    void *argument;
} start;

static unsigned __stdcall run_start(void *argument)
{
    start s = *(start *)argument;
    free(argument);
    s.run(s.argument);
    return 0;
}

bool gr_thread_start(gr_thread *thread, void (*run)(void *argument), void *argument)
{
    start *s = malloc(sizeof(*s));
    if (!s)
        return false;
    *s = (start){run, argument};
    thread->handle = (void *)_beginthreadex(NULL, 0, run_start, s, 0, NULL);
    if (!thread->handle)
        free(s);
    return thread->handle != NULL;
}

void gr_thread_join(gr_thread *thread)
{
    WaitForSingleObject(thread->handle, INFINITE);
    CloseHandle(thread->handle);
}

/* Shared libraries */

void *gr_shared_library_open(const char *name)
{
    return (void *)LoadLibraryA(name);
}

gr_function gr_shared_library_function(void *library, const char *name)
{
    return (gr_function)GetProcAddress((HMODULE)library, name);
}

const void *gr_shared_library_data(void *library, const char *name)
{
    return (const void *)(uintptr_t)GetProcAddress((HMODULE)library, name);
}

char *gr_own_folder(void *parent)
{
    static const char here;
    char path[MAX_PATH];
    HMODULE module;
    const DWORD flags =
        GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_UNCHANGED_REFCOUNT;
    if (!GetModuleHandleExA(flags, &here, &module))
        return NULL;
    DWORD length = GetModuleFileNameA(module, path, sizeof(path));
    if (length == 0 || length >= sizeof(path))
        return NULL;
    char *slash = strrchr(path, '\\');
    if (slash)
        *slash = '\0';
    return gr_strdup(parent, path);
}

/* Files and folders */

static bool fill_info(HANDLE file, gr_path_info *info)
{
    BY_HANDLE_FILE_INFORMATION f;
    if (GetFileType(file) != FILE_TYPE_DISK) {
        *info = (gr_path_info){.kind = GR_PATH_OTHER};
        return true;
    }
    if (!GetFileInformationByHandle(file, &f))
        return fail();
    *info = (gr_path_info){
        .kind = f.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY ? GR_PATH_FOLDER : GR_PATH_FILE,
        .size_bytes = (uint64_t)f.nFileSizeHigh << 32 | f.nFileSizeLow,
        .volume = f.dwVolumeSerialNumber,
        .number = (uint64_t)f.nFileIndexHigh << 32 | f.nFileIndexLow,
    };
    return true;
}

/* For its attributes only; folders open with backup semantics. */
static HANDLE open_attributes(const char *path)
{
    return CreateFileA(path, 0, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL,
                       OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
}

bool gr_path_get_info(const char *path, gr_path_info *info)
{
    HANDLE file = open_attributes(path);
    if (file == INVALID_HANDLE_VALUE)
        return fail();
    bool done = fill_info(file, info);
    CloseHandle(file);
    return done;
}

char *gr_path_real(void *parent, const char *path)
{
    char real[MAX_PATH];
    gr_path_info info;
    if (!gr_path_get_info(path, &info) || !_fullpath(real, path, sizeof(real)))
        return NULL;
    for (char *c = real; *c; c++)
        if (*c == '\\')
            *c = '/'; /* as the rest of graft writes paths */
    return gr_strdup(parent, real);
}

int gr_fd_open(const char *path, bool wait)
{
    gr_path_info info;
    if (gr_path_get_info(path, &info) && info.kind == GR_PATH_FOLDER)
        return _open("NUL", _O_RDONLY | _O_NOINHERIT); /* its kind is asked for next */
    return _open(path, _O_RDONLY | _O_BINARY | _O_NOINHERIT);
}

int gr_fd_create(const char *path)
{
    return _open(path, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT,
                 _S_IREAD | _S_IWRITE);
}

bool gr_fd_get_info(int fd, gr_path_info *info)
{
    return fill_info((HANDLE)_get_osfhandle(fd), info);
}

/* The C library takes sizes of 32 bits. */
static unsigned chunk(size_t size_bytes)
{
    return size_bytes > 1u << 30 ? 1u << 30 : (unsigned)size_bytes;
}

ptrdiff_t gr_fd_read(int fd, void *data, size_t size_bytes)
{
    return _read(fd, data, chunk(size_bytes));
}

ptrdiff_t gr_fd_write(int fd, const void *data, size_t size_bytes)
{
    return _write(fd, data, chunk(size_bytes));
}

bool gr_fd_sync(int fd)
{
    return _commit(fd) == 0;
}

bool gr_fd_truncate(int fd, uint64_t size_bytes)
{
    errno = _chsize_s(fd, (int64_t)size_bytes);
    return errno == 0;
}

bool gr_fd_close(int fd)
{
    return _close(fd) == 0;
}

const void *gr_fd_map(int fd, size_t size_bytes)
{
    HANDLE mapping =
        CreateFileMappingA((HANDLE)_get_osfhandle(fd), NULL, PAGE_READONLY, 0, 0, NULL);
    if (!mapping) {
        fail();
        return NULL;
    }
    const void *data = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, size_bytes);
    if (!data)
        fail();
    CloseHandle(mapping); /* the view keeps it */
    return data;
}

void gr_unmap(const void *data, size_t size_bytes)
{
    UnmapViewOfFile(data);
}

void gr_release_mapped(const void *data, size_t size_bytes)
{
    (void)data, (void)size_bytes; /* Windows trims what is not used */
}

void gr_advise_huge_pages(void *data, size_t size_bytes)
{
    (void)data, (void)size_bytes;
}

bool gr_path_replace(const char *from, const char *to)
{
    return MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) || fail();
}

/* gr_path_replace() has written through. */
bool gr_folder_sync(const char *path)
{
    return true;
}

bool gr_path_remove(const char *path)
{
    return DeleteFileA(path) || fail();
}

bool gr_folder_create(const char *path)
{
    return CreateDirectoryA(path, NULL) || fail();
}

bool gr_folder_remove(const char *path)
{
    return RemoveDirectoryA(path) || fail();
}

/* A folder that is open without sharing cannot be opened so again. */
int gr_folder_lock(const char *path, intptr_t *lock)
{
    HANDLE folder = CreateFileA(path, DELETE, FILE_SHARE_READ | FILE_SHARE_WRITE, NULL,
                                OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, NULL);
    *lock = (intptr_t)folder;
    if (folder != INVALID_HANDLE_VALUE)
        return 0;
    bool taken = GetLastError() == ERROR_SHARING_VIOLATION;
    fail();
    if (taken)
        errno = EWOULDBLOCK;
    return -1;
}

void gr_folder_unlock(intptr_t lock)
{
    CloseHandle((HANDLE)lock);
}

/* Processes */

long gr_process_id(void)
{
    return (long)GetCurrentProcessId();
}

bool gr_process_is_gone(long id)
{
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, (DWORD)id);
    if (!process)
        return id > 0 && GetLastError() == ERROR_INVALID_PARAMETER;
    DWORD code = 0;
    bool ended = GetExitCodeProcess(process, &code) && code != STILL_ACTIVE;
    CloseHandle(process);
    return ended;
}
