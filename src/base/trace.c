/* base/trace.c: the event ring and the counters: the one place besides main.c with static state. */
#include "base/trace.h"

#include "base/out.h"
#include <string.h>

#define RING      1024
#define LISTENERS 4

#define EVENT(id, name, level, help) [EV_##id] = { name, level, help },
#define COUNTER(id, help)
const struct trace_desc trace_descs[EV_COUNT] = {
#include "base/trace.def"
};
#undef EVENT
#undef COUNTER
#define EVENT(id, name, level, help)
#define COUNTER(id, help) [CNT_##id] = #id,
const char *const trace_counter_names[CNT_COUNT] = {
#include "base/trace.def"
};
#undef COUNTER
#define COUNTER(id, help) [CNT_##id] = help,
const char *const trace_counter_helps[CNT_COUNT] = {
#include "base/trace.def"
};

atomic_uint_fast64_t trace_counters[CNT_COUNT];

static struct {
	struct trace_record ring[RING];
	uint64_t seq;
	int64_t wall;
	enum trace_level most;
	struct {
		trace_fn *fn;
		void *arg;
		enum trace_level most;
	} listener[LISTENERS];
} T = { .most = LV_VERBOSE };

void trace_set_wall(int64_t wall_ms)
{
	T.wall = wall_ms;
}

void trace_set_verbosity(enum trace_level most)
{
	T.most = most;
}

void trace(enum trace_id id, const char *call, const char *fmt, ...)
{
	struct trace_record *r;
	struct out o;
	va_list ap;

	if (trace_descs[id].level > T.most)
		return;
	r = &T.ring[++T.seq % RING];
	r->seq = T.seq;
	r->wall = T.wall;
	r->id = id;
	span_copy(span_of(call), r->call, sizeof r->call);
	o = out_fixed(r->text, sizeof r->text - 1);
	va_start(ap, fmt);
	out_vfmt(&o, fmt, ap);
	va_end(ap);
	r->text[o.n] = '\0';
	for (int i = 0; i < LISTENERS; i++)
		if (T.listener[i].fn && trace_descs[id].level <= T.listener[i].most)
			T.listener[i].fn(T.listener[i].arg, r);
}

int trace_listen(enum trace_level most, trace_fn *fn, void *arg)
{
	for (int i = 0; i < LISTENERS; i++) {
		if (T.listener[i].fn)
			continue;
		T.listener[i].fn = fn;
		T.listener[i].arg = arg;
		T.listener[i].most = most;
		return i;
	}
	return -1;
}

void trace_listen_level(int handle, enum trace_level most)
{
	if (handle >= 0 && handle < LISTENERS)
		T.listener[handle].most = most;
}

void trace_unlisten(int handle)
{
	if (handle >= 0 && handle < LISTENERS)
		T.listener[handle].fn = NULL;
}

size_t trace_read(uint64_t after, struct trace_record *rs, size_t max)
{
	uint64_t oldest = T.seq > RING ? T.seq - RING : 0, from = MAX(after, oldest);
	size_t n = 0;

	while (from + n < T.seq && n < max) {
		rs[n] = T.ring[(from + n + 1) % RING];
		n++;
	}
	return n;
}
