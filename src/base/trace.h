/*
 * base/trace.h: one vocabulary of events and counters (trace.def). Everything that happens is an event; the log, the
 * console, the doctor and the tests read the same ring. Signalling thread only; counters may be raised from any thread.
 */
#pragma once
#include <stdatomic.h>
#include <stdarg.h>

#include "base/util.h"

enum trace_level { LV_ERROR, LV_WARNING, LV_NOTICE, LV_VERBOSE, LV_DEBUG };

#define EVENT(id, name, level, help) EV_##id,
#define COUNTER(id, help)
enum trace_id {
#include "base/trace.def"
	EV_COUNT
};
#undef EVENT
#undef COUNTER
#define EVENT(id, name, level, help)
#define COUNTER(id, help) CNT_##id,
enum trace_counter {
#include "base/trace.def"
	CNT_COUNT
};
#undef EVENT
#undef COUNTER

struct trace_desc {
	const char *name;
	enum trace_level level;
	const char *help;
};
extern const struct trace_desc trace_descs[EV_COUNT];
extern const char *const trace_counter_names[CNT_COUNT];
extern const char *const trace_counter_helps[CNT_COUNT];

struct trace_record {
	uint64_t seq;
	int64_t wall; /* Unix ms */
	enum trace_id id;
	char call[64]; /* call or leg it belongs to; "" when none */
	char text[232];
};

/* Records an event. `call` may be NULL. */
void trace(enum trace_id id, const char *call, const char *fmt, ...) PRINTF(3, 4);
void trace_set_wall(int64_t wall_ms);            /* stamped on what follows */
void trace_set_verbosity(enum trace_level most); /* events above it are not recorded (default LV_VERBOSE) */
/* Recorded events up to level `most` go to fn at once; at most 4 listeners. Returns a handle. */
typedef void trace_fn(void *arg, const struct trace_record *r);
int trace_listen(enum trace_level most, trace_fn *fn, void *arg);
void trace_listen_level(int handle, enum trace_level most);
void trace_unlisten(int handle);
/* The latest records, oldest first, seq > after. Returns how many were put into rs. */
size_t trace_read(uint64_t after, struct trace_record *rs, size_t max);

extern atomic_uint_fast64_t trace_counters[CNT_COUNT];
static inline void count_add(enum trace_counter c, uint64_t by)
{
	atomic_fetch_add_explicit(&trace_counters[c], by, memory_order_relaxed);
}
static inline void count(enum trace_counter c)
{
	count_add(c, 1);
}
static inline uint64_t count_get(enum trace_counter c)
{
	return atomic_load_explicit(&trace_counters[c], memory_order_relaxed);
}
