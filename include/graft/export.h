/* Symbol visibility and linkage of the public functions. */
#ifndef GRAFT_EXPORT_H
#define GRAFT_EXPORT_H

#if defined(__GNUC__) || defined(__clang__)
#define GRAFT_API               __attribute__((visibility("default")))
#define GRAFT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define GRAFT_API
#define GRAFT_PRINTF(fmt, args)
#endif

#ifdef __cplusplus
#define GRAFT_BEGIN_DECLS extern "C" {
#define GRAFT_END_DECLS   }
#else
#define GRAFT_BEGIN_DECLS
#define GRAFT_END_DECLS
#endif

#endif
