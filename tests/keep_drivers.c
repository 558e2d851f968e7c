/* The leak checker names drivers by their library (lsan.supp), so these must stay loaded. Part of
 * each test program itself: a symbol of a static library would be hidden from the drivers. */
#ifdef __SANITIZE_ADDRESS__
__attribute__((visibility("default"))) int dlclose(void *handle);

int dlclose(void *handle)
{
    return 0;
}
#else
typedef int nothing_here;
#endif
